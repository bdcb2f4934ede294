//! The timers, as far as the gate's state knows them.
//!
//! Each runtime whose waiters need one has its own: one runtime may stand still while another runs.

use std::time::Duration;

use tokio::runtime::Id;

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
    pub(super) number: u64,
    /// The waiter that set it, or [`NO_WAITER`].
    by: u64,
    /// Where it runs. `None` outside tokio, where there is no timer but the model's.
    runtime: Option<Id>,
}

/// The alarms that count, one for each runtime at the most.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    set: Vec<Alarm>,
    count: u64,
}

impl Alarms {
    /// Whether no alarm is set that rings at `at` or before.
    pub(super) fn is_due(&self, at: Duration) -> bool {
        self.set.iter().all(|alarm| alarm.at > at)
    }

    /// The alarm that the waiter `by` is to set in its `runtime`, if one is needed there that rings at
    /// `at` or before. Outside a runtime that of another is relied on.
    pub(super) fn set(
        &mut self,
        now: &Now,
        at: Duration,
        by: u64,
        runtime: Option<Id>,
    ) -> Option<Alarm> {
        let mut here = self.set.iter().filter(|alarm| alarm.runtime == runtime);
        let needed = here.all(|alarm| alarm.at > at) && (runtime.is_some() || self.is_due(at));
        if !needed {
            return None;
        }
        let latest = now.get().saturating_add(MAX_AHEAD);
        self.count += 1;
        let alarm = Alarm {
            at: at.min(latest),
            number: self.count,
            by,
            runtime,
        };
        self.set.retain(|alarm| alarm.runtime != runtime);
        self.set.push(alarm);
        Some(alarm)
    }

    /// Whether this is an alarm that counts.
    pub(super) fn expects(&self, alarm: Alarm) -> bool {
        self.set.iter().any(|set| set.number == alarm.number)
    }

    /// One rang, or was lost with its runtime. Those of other runtimes that should have rung by then are
    /// not relied on either: they may stand still.
    pub(super) fn rang(&mut self, alarm: Alarm) {
        if self.expects(alarm) {
            self.set.retain(|set| set.at > alarm.at);
        }
    }

    /// An alarm that should have rung by now is not relied on: its runtime may stand still.
    pub(super) fn forget_late(&mut self, now: &Now) {
        self.set.retain(|alarm| alarm.at > now.get());
    }

    /// A waiter is gone, and perhaps its runtime: an alarm that it set is set anew by one who stays.
    pub(super) fn left(&mut self, by: u64) {
        self.set.retain(|alarm| alarm.by != by);
    }
}
