//! What is left of an earlier run.

use crate::concurrency::learnt::Ceiling;
use crate::concurrency::limit::Reason;

/// What an earlier run has found, as far as it still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Earlier {
    None,
    /// It grows to this level, of which is known how far it is a ceiling.
    Grown {
        level: u32,
        ceiling: Ceiling,
    },
    /// A ceiling that was confirmed is there again.
    Met,
}

impl Earlier {
    /// Why the limit grows that was not refused so far.
    pub(super) fn why_it_grows(self) -> Reason {
        match self {
            Self::Grown { .. } => Reason::Resumed,
            Self::None | Self::Met => Reason::SlowStart,
        }
    }

    /// It grows no more.
    pub(super) fn end_growth(&mut self) {
        if let Self::Grown { .. } = self {
            *self = Self::None;
        }
    }
}
