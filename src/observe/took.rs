//! How long an answer took.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// How long the head of an answer took: the time from the sending of an attempt to the moment of asking.
///
/// An observer is told at once when an attempt ends, so ask while it is told. The clock is read only for who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Took {
    since: Option<Instant>,
}

impl Took {
    pub(crate) const fn since(since: Option<Instant>) -> Self {
        Self { since }
    }

    /// The time since the attempt was sent. `None` if it was not sent, or if only the body told how it ended, long
    /// after the answer.
    #[must_use]
    pub fn get(self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }
}

impl fmt::Debug for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
