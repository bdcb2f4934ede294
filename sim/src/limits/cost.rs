//! What a request costs, and what limits count of it.

/// What a request costs, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub input: u32,
    pub output: u32,
}

impl Cost {
    /// Input and output together.
    pub fn total(self) -> u32 {
        self.input + self.output
    }
}

impl From<u32> for Cost {
    fn from(input: u32) -> Self {
        Self { input, output: 0 }
    }
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Requests,
    Tokens,
    Input,
    Output,
}

impl Unit {
    pub const ALL: [Self; 4] = [Self::Requests, Self::Tokens, Self::Input, Self::Output];

    /// How many units of it a request takes.
    pub fn of(self, cost: Cost) -> f64 {
        match self {
            Self::Requests => 1.0,
            Self::Tokens => f64::from(cost.total()),
            Self::Input => f64::from(cost.input),
            Self::Output => f64::from(cost.output),
        }
    }

    pub(super) fn counts_output(self) -> bool {
        matches!(self, Self::Tokens | Self::Output)
    }

    /// As headers name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Input => "input-tokens",
            Self::Output => "output-tokens",
        }
    }
}
