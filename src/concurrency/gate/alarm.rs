//! The timer, as far as the gate's state knows it.

use std::time::Duration;

use crate::concurrency::limit::Now;

/// An alarm is set for no longer than this, and then anew: clocks end somewhere.
const MAX_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// For the place of one that sets an alarm and does not wait.
pub(super) const NO_WAITER: u64 = u64::MAX;

/// A timer that was set, or is about to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarm {
    /// When it rings.
    pub(super) at: Duration,
    /// Which one it is of those set so far.
    number: u64,
    /// The waiter in whose runtime it runs, or [`NO_WAITER`].
    by: u64,
}

/// The alarm that counts, if one is set.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    current: Option<Alarm>,
    count: u64,
}

impl Alarms {
    /// Whether no alarm is set that rings at `at` or before.
    pub(super) fn is_due(&self, at: Duration) -> bool {
        self.current.is_none_or(|alarm| alarm.at > at)
    }

    /// The alarm that the waiter `by` is to set, if one is needed that rings at `at` or before.
    pub(super) fn set(&mut self, now: &Now, at: Duration, by: u64) -> Option<Alarm> {
        if !self.is_due(at) {
            return None;
        }
        let latest = now.get().saturating_add(MAX_AHEAD);
        self.count += 1;
        self.current = Some(Alarm {
            at: at.min(latest),
            number: self.count,
            by,
        });
        self.current
    }

    /// Whether this is the alarm that counts.
    pub(super) fn expects(&self, alarm: Alarm) -> bool {
        self.current
            .is_some_and(|current| current.number == alarm.number)
    }

    /// It rang, or was lost with its runtime.
    pub(super) fn rang(&mut self) {
        self.current = None;
    }

    /// An alarm that should have rung by now is not relied on: its runtime may stand still.
    pub(super) fn forget_late(&mut self, now: &Now) {
        if self.current.is_some_and(|alarm| alarm.at <= now.get()) {
            self.current = None;
        }
    }

    /// A waiter is gone, and perhaps its runtime: an alarm that it set is set anew by one who stays.
    pub(super) fn left(&mut self, by: u64) {
        if self.current.is_some_and(|alarm| alarm.by == by) {
            self.current = None;
        }
    }
}
