//! What the limits that learn have in common: a level between bounds.

use std::time::Duration;

use super::{DEFAULT_INITIAL, DEFAULT_MAX, DEFAULT_MIN, Headroom, Load, Reason, Reasons, Sent};
use crate::hint::{Hint, Verdict};

/// A limit with a fraction, within bounds.
#[derive(Clone, Debug)]
pub(super) struct Level {
    value: f64,
    min: usize,
    max: usize,
    /// The number of the next request: a request that was sent before has a lower one.
    next_seq: u64,
    /// Refusals of requests with a lower number belong to an event that was answered already.
    recovery_epoch: u64,
    /// Why the value is what it is.
    why: Reason,
}

impl Default for Level {
    fn default() -> Self {
        Self {
            value: DEFAULT_INITIAL as f64,
            min: DEFAULT_MIN,
            max: DEFAULT_MAX,
            next_seq: 0,
            recovery_epoch: 0,
            why: Reason::Unknown,
        }
    }
}

impl Level {
    pub(super) fn value(&self) -> f64 {
        self.value
    }

    pub(super) fn get(&self) -> usize {
        self.value as usize
    }

    pub(super) fn headroom(&self, load: Load) -> Headroom {
        Headroom::of(self.get(), load)
    }

    /// Moves the value, and remembers why.
    pub(super) fn change(&mut self, value: f64, why: Reason) {
        self.why = why;
        self.set(value);
    }

    pub(super) fn reasons(&self) -> Reasons {
        Reasons::of_limit(self.why)
    }

    pub(super) fn set(&mut self, value: f64) {
        // Not `clamp`, which lets through what is no number.
        self.value = value.max(self.min as f64).min(self.max as f64);
    }

    pub(super) fn set_bounds(&mut self, min: usize, max: usize) {
        self.min = min.max(1);
        self.max = max.max(self.min);
        self.set(self.value);
    }

    pub(super) fn on_send(&mut self, sent: &Sent) {
        self.next_seq = sent.seq.saturating_add(1);
    }

    /// Whether a refusal begins a new event, which it does once: a request that was already out when
    /// the last event was answered says nothing of the limit as it is now. Nor does one that is refused
    /// for good.
    pub(super) fn begin_event(&mut self, sent: &Sent, hint: &Hint) -> bool {
        let new = sent.seq >= self.recovery_epoch && !is_for_good(hint);
        if new {
            self.recovery_epoch = self.next_seq;
        }
        new
    }

    /// Whether the limit is what holds requests back. One that does not bind says nothing by being
    /// kept, and must not grow.
    pub(super) fn binds(&self, sent: &Sent, load: Load) -> bool {
        load.waiting > 0 || sent.in_flight >= self.get()
    }

    /// Whether at least half of the limit was in use when a request was sent, so that its latency
    /// says something of the limit.
    pub(super) fn was_used(&self, sent: &Sent) -> bool {
        sent.in_flight.saturating_mul(2) >= self.get()
    }
}

/// Whether no wait helps against a refusal.
pub(super) fn is_for_good(hint: &Hint) -> bool {
    matches!(
        hint.verdict(Duration::MAX),
        Verdict::Permanent | Verdict::Forbidden
    )
}
