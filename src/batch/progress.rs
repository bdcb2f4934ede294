//! How far a batch is.

use std::fmt;
use std::time::Duration;

/// How far a batch is, at one moment.
///
/// Its `Display` is a line for a log or a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    pub(super) done: u64,
    pub(super) recalled: u64,
    pub(super) failed: u64,
    pub(super) not_sent: u64,
    pub(super) waiting: usize,
    pub(super) in_flight: usize,
    pub(super) held: usize,
    pub(super) total: Option<u64>,
    pub(super) elapsed: Duration,
    pub(super) rate: f64,
    pub(super) left: Option<Duration>,
}

impl Progress {
    /// Returns how many requests have an accepted answer, those that the journal had included.
    #[must_use]
    pub const fn done(&self) -> u64 {
        self.done
    }

    /// Returns how many of the [`done`](Self::done) answers came out of the journal.
    #[must_use]
    pub const fn recalled(&self) -> u64 {
        self.recalled
    }

    /// Returns how many items are errors, but for those that were not sent as the batch was closed.
    #[must_use]
    pub const fn failed(&self) -> u64 {
        self.failed
    }

    /// Returns how many requests were taken from the stream and not sent, as the batch was closed.
    #[must_use]
    pub const fn not_sent(&self) -> u64 {
        self.not_sent
    }

    /// Returns how many requests wait for the client to be ready, such as in a gate's line.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Returns how many requests the client took whose answers are not read yet.
    ///
    /// That includes those that wait for another attempt, and those that wait inside the client's future, as they do
    /// below a [`QueueLayer`](crate::QueueLayer) or a [`KeyedLayer`](crate::KeyedLayer). The gate's own handle says
    /// how many were sent.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Returns how many results were not handed over yet. In order, these wait for one before them.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Returns how many requests the batch has in all. `None` if the stream's `size_hint` does not say.
    #[must_use]
    pub const fn total(&self) -> Option<u64> {
        self.total
    }

    /// Returns the time since the batch was first polled.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Returns how many answers came per second, without those of the journal. The last minutes count most.
    #[must_use]
    pub const fn rate(&self) -> f64 {
        self.rate
    }

    /// Returns how long the rest takes at this rate. `None` if the total is not known, or nothing was answered.
    #[must_use]
    pub const fn left(&self) -> Option<Duration> {
        self.left
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.done)?;
        if let Some(total) = self.total {
            write!(f, " of {total}")?;
        }
        let Self {
            failed,
            in_flight,
            waiting,
            rate,
            ..
        } = self;
        write!(
            f,
            " done, {failed} failed, {in_flight} in flight, {waiting} waiting, {rate:.1}/s"
        )?;
        match self.left {
            Some(left) => {
                let seconds = left.as_secs_f64().ceil();
                write!(f, ", {seconds} s left")
            }
            None => Ok(()),
        }
    }
}
