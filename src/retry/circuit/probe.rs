//! An open circuit, and when it is probed.

use std::time::Duration;

use tokio::time::Instant;

use crate::retry::pause::later;

/// The first distance of probes where the server told no reset, and the largest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// A reset that is further away is not waited for: servers have been wrong by decades.
const LONGEST_TOLD: Duration = Duration::from_secs(3600);

/// An open circuit. It is half-open while a probe is out.
#[derive(Debug)]
pub(super) struct Open {
    /// Which time it is that the circuit is open.
    pub(super) number: u64,
    /// When the next probe may go.
    probe_at: Instant,
    /// The distance to the next probe where the server tells none.
    distance: Duration,
    is_probing: bool,
    /// When the server said that it will serve again, if it said so.
    reset_at: Option<Instant>,
}

impl Open {
    /// Opens at `at`. The first probe goes when the server said that it will serve again.
    pub(super) fn new(number: u64, at: Instant, told: Option<Duration>) -> Self {
        Self {
            number,
            probe_at: later(at, told.unwrap_or(FIRST).clamp(FIRST, LONGEST_TOLD)),
            distance: FIRST,
            is_probing: false,
            reset_at: told.map(|told| later(at, told)),
        }
    }

    /// Whether a probe is out.
    pub(super) fn is_probing(&self) -> bool {
        self.is_probing
    }

    /// Whether a probe is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.is_probing && now >= self.probe_at
    }

    /// A probe goes.
    pub(super) fn begin_probe(&mut self) {
        self.is_probing = true;
    }

    /// The probe was refused.
    pub(super) fn probe_refused(&mut self, at: Instant, told: Option<Duration>) {
        self.distance = (2 * self.distance).min(LONGEST);
        let wait = told.unwrap_or_default().min(LONGEST_TOLD);
        self.probe_at = later(at, wait.max(self.distance));
        self.is_probing = false;
    }

    /// The probe ended without an answer that tells anything.
    pub(super) fn probe_lost(&mut self) {
        self.is_probing = false;
    }

    /// Whether the time has come for which the server promised to serve again.
    pub(super) fn is_reset_over(&self, now: Instant) -> bool {
        self.reset_at.is_some_and(|reset_at| now >= reset_at)
    }
}
