//! What quotas count.

use crate::cost::Cost;
use crate::hint::Dimension;

/// The quotas that a request may take something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Tokens,
    Input,
    Output,
    /// Only while costs are told: their mirrors are more exact than the one that knows no costs.
    Requests,
}

impl Unit {
    pub(super) const ALL: [Self; 4] = [Self::Tokens, Self::Input, Self::Output, Self::Requests];

    /// Those of which requests take more or less.
    pub(super) const COSTS: [Self; 3] = [Self::Tokens, Self::Input, Self::Output];

    pub(super) fn of_dimension(dimension: &Dimension) -> Option<Self> {
        Some(match dimension {
            Dimension::Tokens => Self::Tokens,
            Dimension::InputTokens => Self::Input,
            Dimension::OutputTokens => Self::Output,
            Dimension::Requests => Self::Requests,
            _ => return None,
        })
    }

    /// Whether the output of a request is counted.
    pub(super) fn counts_output(self) -> bool {
        matches!(self, Self::Tokens | Self::Output)
    }

    /// What a request takes of it. Where input and output are not told apart, all is input.
    pub(super) fn of(self, cost: Cost) -> f64 {
        if cost.is_free() {
            return 0.0;
        }
        let units = match self {
            Self::Tokens => cost.total().max(1),
            Self::Input => cost.input_tokens().unwrap_or(cost.total()).max(1),
            Self::Output => cost.output_tokens().unwrap_or(0),
            Self::Requests => 1,
        };
        units as f64
    }
}

/// Units by which a level may be wrong that was added up.
const INEXACT: f64 = 1e-3;

/// How many requests of this `need` fit into a `level`. `None` if not one does.
pub(super) fn fits(level: f64, need: f64) -> Option<usize> {
    if need <= 0.0 {
        return Some(usize::MAX);
    }
    let slots = ((level + INEXACT) / need).floor();
    (slots >= 1.0).then_some(slots as usize)
}
