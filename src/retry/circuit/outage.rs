//! How long nothing was accepted.

use std::time::Duration;

use tokio::time::Instant;

/// Counts the time from the first refusal on, while somebody tries, until something is accepted.
///
/// The time in which nobody tries says nothing of the server and does not count: a program that was refused
/// once and comes back after an hour finds no outage of an hour.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Requests that were refused and are not done.
    trying: usize,
    /// The first refusal, if nothing was accepted since.
    began: Option<Instant>,
    /// The time that counts, up to `running`.
    spent: Duration,
    /// Since when the time runs, if it does.
    running: Option<Instant>,
}

impl Outage {
    /// A request begins to try.
    pub(super) fn join(&mut self) {
        self.trying += 1;
    }

    /// A request is done, however it ended.
    pub(super) fn leave(&mut self, now: Instant) {
        self.trying -= 1;
        if self.trying == 0 {
            self.spent = self.lasted(now);
            self.running = None;
        }
    }

    /// An attempt was refused at `at`. Returns how long the outage has lasted.
    pub(super) fn refused(&mut self, at: Instant) -> Duration {
        self.began.get_or_insert(at);
        self.running.get_or_insert(at);
        self.lasted(at)
    }

    /// Something was accepted.
    pub(super) fn end(&mut self) {
        (self.began, self.running) = (None, None);
        self.spent = Duration::ZERO;
    }

    pub(super) fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    pub(super) fn began(&self) -> Option<Instant> {
        self.began
    }

    fn lasted(&self, now: Instant) -> Duration {
        let running = self
            .running
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.spent.saturating_add(running)
    }
}
