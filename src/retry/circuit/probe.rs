//! An open circuit, and when it is probed.

use std::time::Duration;

use tokio::time::Instant;

use crate::retry::time::later;

/// The first distance of probes where the server told no reset, and the largest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// A reset that is further away is not waited for: servers have been wrong by decades.
const LONGEST_TOLD: Duration = Duration::from_secs(3600);

/// An open circuit. It is half-open while a probe is out.
#[derive(Debug)]
pub(super) struct Open {
    /// When the next probe may go.
    probe_at: Instant,
    /// When one of a kind that was not refused for good may go.
    others_at: Instant,
    /// The distance to the next probe where the server tells none.
    distance: Duration,
    /// The probe that is out: its number, and since when.
    probe: Option<(u64, Instant)>,
    /// When the server said that it will serve again. If it said nothing, what was refused may be served
    /// again after so long as probes are apart.
    reset_at: Instant,
}

impl Open {
    /// Opens at `at`. The first probe goes when the server said that it will serve again.
    pub(super) fn new(at: Instant, told: Option<Duration>) -> Self {
        Self {
            probe_at: later(at, told.unwrap_or(FIRST).clamp(FIRST, LONGEST_TOLD)),
            others_at: at,
            distance: FIRST,
            probe: None,
            reset_at: later(at, told.unwrap_or(LONGEST)),
        }
    }

    /// Until when the probe that is out keeps others from going, if one is. A server may sit on it, and
    /// its caller may leave it alone.
    pub(super) fn probes_until(&self, now: Instant) -> Option<Instant> {
        let until = self.probe.map(|(_, since)| later(since, LONGEST));
        until.filter(|until| now < *until)
    }

    /// Whether this is the probe that is out.
    pub(super) fn is_probe(&self, number: Option<u64>) -> bool {
        number.is_some() && number == self.probe.map(|(number, _)| number)
    }

    /// Whether a probe is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.probes_until(now).is_none() && now >= self.probe_at
    }

    /// Whether one of a kind that was not refused for good may go, if no probe is out.
    pub(super) fn lets_others_go(&self, now: Instant) -> bool {
        now >= self.others_at
    }

    /// A probe goes. One that was out is none any more.
    pub(super) fn begin_probe(&mut self, number: u64, now: Instant) {
        self.probe = Some((number, now));
    }

    /// The probe was refused. If that was not for good, it says nothing of its kind, and the next of any
    /// other kind than those refused for good has its distance as well.
    pub(super) fn probe_refused(&mut self, at: Instant, told: Option<Duration>, for_good: bool) {
        self.distance = (2 * self.distance).min(LONGEST);
        if !for_good {
            self.others_at = later(at, self.distance);
        }
        let wait = told.unwrap_or_default().min(LONGEST_TOLD);
        self.probe_at = later(at, wait.max(self.distance));
        self.probe = None;
    }

    /// The probe was given up, or was never sent. If it was sent, the next one has its distance: callers may
    /// give up for want of an answer.
    pub(super) fn probe_lost(&mut self, was_sent: bool) {
        if let Some((_, since)) = self.probe.take().filter(|_| was_sent) {
            self.probe_at = self.probe_at.max(later(since, self.distance));
            self.distance = (2 * self.distance).min(LONGEST);
        }
    }

    /// Whether the time has come for which the server promised to serve again.
    pub(super) fn is_reset_over(&self, now: Instant) -> bool {
        now >= self.reset_at
    }
}
