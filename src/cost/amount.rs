//! What a request costs.

/// What a request takes of the server's quotas, in their unit: tokens, as a rule.
///
/// ```
/// use tower_throttle::cost::Cost;
///
/// assert_eq!(Cost::tokens(1_600).total(), 1_600);
/// let split = Cost::input(1_200).and_output(400);
/// assert_eq!((split.total(), split.input_tokens()), (1_600, Some(1_200)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cost(Amount);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Amount {
    #[default]
    Nothing,
    Tokens(u64),
    Split {
        input: u64,
        output: u64,
    },
}

impl Cost {
    /// Of a request that takes nothing of any such quota. Others take 1 at least.
    pub const FREE: Self = Self(Amount::Nothing);

    /// Of a request that takes `tokens`, of input and output together.
    #[must_use]
    pub const fn tokens(tokens: u64) -> Self {
        Self(Amount::Tokens(tokens))
    }

    /// Of a request that takes `tokens` of input, where the server counts input and output apart.
    #[must_use]
    pub const fn input(tokens: u64) -> Self {
        Self(Amount::Split {
            input: tokens,
            output: 0,
        })
    }

    /// The same with `tokens` of output. What [`Cost::tokens`] gave counts as input from then on.
    #[must_use]
    pub const fn and_output(self, tokens: u64) -> Self {
        let input = match self.0 {
            Amount::Nothing => 0,
            Amount::Tokens(input) | Amount::Split { input, .. } => input,
        };
        Self(Amount::Split {
            input,
            output: tokens,
        })
    }

    /// Returns the tokens of input and output together.
    #[must_use]
    pub const fn total(self) -> u64 {
        match self.0 {
            Amount::Nothing => 0,
            Amount::Tokens(tokens) => tokens,
            Amount::Split { input, output } => input.saturating_add(output),
        }
    }

    /// Returns the tokens of input, if they were told apart.
    #[must_use]
    pub const fn input_tokens(self) -> Option<u64> {
        match self.0 {
            Amount::Split { input, .. } => Some(input),
            Amount::Nothing | Amount::Tokens(_) => None,
        }
    }

    /// Returns the tokens of output, if they were told apart.
    #[must_use]
    pub const fn output_tokens(self) -> Option<u64> {
        match self.0 {
            Amount::Split { output, .. } => Some(output),
            Amount::Nothing | Amount::Tokens(_) => None,
        }
    }

    /// Whether it is [`Cost::FREE`].
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self.0, Amount::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_the_sum_of_its_parts() {
        assert_eq!(Cost::input(7).and_output(5).total(), 12);
        assert_eq!(Cost::tokens(7).and_output(5), Cost::input(7).and_output(5));
        assert_eq!(Cost::input(u64::MAX).and_output(1).total(), u64::MAX);
        assert_eq!(Cost::tokens(7).input_tokens(), None);
        assert_eq!(Cost::input(7).output_tokens(), Some(0));
        assert!(Cost::default().is_free());
        assert!(!Cost::tokens(0).is_free());
    }
}
