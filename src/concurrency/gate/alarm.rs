//! The timers, as far as the gate's state knows them.
//!
//! Each runtime whose waiters need one has its own: one runtime may stand still while another runs.

use std::time::Duration;

use tokio::runtime::Id;

use crate::concurrency::limit::Now;

/// An alarm is set for no longer than this, and then anew: clocks end somewhere.
const MAX_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// An alarm that did not ring for so long after its time is late: far longer than a timer takes.
const LATE: Duration = Duration::from_millis(10);

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

/// The alarms that count, at most one for each runtime.
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

    /// An alarm that should have rung a while ago is not relied on: its runtime may stand still.
    pub(super) fn forget_late(&mut self, now: &Now) {
        self.set.retain(|alarm| now.get() < alarm.at + LATE);
    }

    /// A waiter is gone, and perhaps its runtime: an alarm that it set is set anew by one who stays.
    pub(super) fn left(&mut self, by: u64) {
        self.set.retain(|alarm| alarm.by != by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Now {
        Now::at(ms(millis))
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn an_earlier_alarm_takes_the_place_of_a_later_one() {
        let mut alarms = Alarms::default();
        let later = alarms.set(&at(0), ms(20), 1, None).unwrap();
        assert!(alarms.set(&at(0), ms(20), 2, None).is_none());
        assert!(alarms.set(&at(0), ms(30), 2, None).is_none());
        let earlier = alarms.set(&at(0), ms(10), 2, None).unwrap();
        assert!(alarms.expects(earlier) && !alarms.expects(later));
        assert_ne!(earlier.number, later.number);
        // One that does not count any more changes nothing when it rings.
        alarms.rang(later);
        assert!(alarms.expects(earlier) && !alarms.is_due(ms(10)));
        alarms.rang(earlier);
        assert!(!alarms.expects(earlier) && alarms.is_due(ms(10)));
    }

    #[test]
    fn a_waiter_s_alarm_goes_with_it() {
        let mut alarms = Alarms::default();
        alarms.set(&at(0), ms(10), 7, None).unwrap();
        alarms.left(8);
        assert!(!alarms.is_due(ms(10)));
        alarms.left(7);
        assert!(alarms.is_due(ms(10)));
    }

    #[test]
    fn an_alarm_is_late_ten_milliseconds_after_its_time() {
        let mut alarms = Alarms::default();
        alarms.set(&at(0), ms(10), 1, None).unwrap();
        for (now, late) in [(9, false), (10, false), (19, false), (20, true)] {
            alarms.forget_late(&at(now));
            assert_eq!(alarms.is_due(ms(now + 1)), late, "{now}");
        }
    }

    #[test]
    fn each_runtime_has_its_own() {
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.build().unwrap()
        };
        let (one, two) = (runtime(), runtime());
        let ids = [&one, &two].map(|runtime| Some(runtime.handle().id()));
        let mut alarms = Alarms::default();
        let set = ids.map(|id| alarms.set(&at(0), ms(10), 1, id).unwrap());
        assert!(alarms.set(&at(0), ms(10), 1, None).is_none());
        assert!(set.iter().all(|alarm| alarms.expects(*alarm)));
        let sooner = alarms.set(&at(0), ms(5), 1, ids[0]).unwrap();
        assert!(!alarms.expects(set[0]) && alarms.expects(set[1]));
        // The other's time is to come.
        alarms.rang(sooner);
        assert!(alarms.expects(set[1]));
        // One that should have rung as well stands still.
        let same = alarms.set(&at(0), ms(10), 1, ids[0]).unwrap();
        alarms.rang(set[1]);
        assert!(!alarms.expects(same) && alarms.is_due(ms(10)));
    }
}
