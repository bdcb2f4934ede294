//! The timer, as far as the gate's state knows it.

use std::time::Duration;

use crate::concurrency::limit::{Headroom, Now};

/// An alarm is set for no longer than this, and then anew: clocks end somewhere.
const MAX_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// A timer that was set, or is about to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarm {
    /// When it rings.
    pub(super) at: Duration,
    /// Which one it is of those set so far.
    number: u64,
    /// The waiter in whose runtime it runs.
    by: u64,
}

/// The alarm that counts, if one is set.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    current: Option<Alarm>,
    count: u64,
}

impl Alarms {
    /// Whether time alone will make room before the alarm rings, if it rings at all.
    pub(super) fn is_due(&self, room: Headroom) -> bool {
        let too_late = |at| self.current.is_none_or(|alarm| alarm.at > at);
        room.slots == 0 && room.opens_at.is_some_and(too_late)
    }

    /// The alarm that the waiter `by` is to set, if one is needed.
    pub(super) fn set(&mut self, now: &Now, room: Headroom, by: u64) -> Option<Alarm> {
        if !self.is_due(room) {
            return None;
        }
        let latest = now.get().saturating_add(MAX_AHEAD);
        let at = room.opens_at?.min(latest);
        self.count += 1;
        self.current = Some(Alarm {
            at,
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

    /// A waiter is gone, and perhaps its runtime: an alarm that it set is set anew by one who stays.
    pub(super) fn left(&mut self, by: u64) {
        if self.current.is_some_and(|alarm| alarm.by == by) {
            self.current = None;
        }
    }
}
