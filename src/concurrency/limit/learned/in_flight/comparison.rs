//! The comparison: whether more in flight get no more done.

use super::{Answered, InFlightLimit, Phase, Reason, Tuning};
use crate::concurrency::limit::learned::latency::{Cohort, LatencyTrend};

impl InFlightLimit {
    /// Answers seem to take longer while the limit is used up. It is halved for a while, to see whether
    /// that is the reason: the calls may be others than before.
    pub(super) fn compare(&mut self, answered: &Answered, trend: &mut LatencyTrend, interval: f64) {
        trend.begin_comparison();
        self.phase = Phase::Comparing {
            upper: self.size,
            since: answered.next,
            interval,
        };
        self.resize((self.size / 2.0).floor());
        self.why = Reason::LatencyTest.into();
    }

    /// Compares the requests that were sent last with many in flight and first with half as many.
    pub(super) fn on_compared(
        &mut self,
        answered: &Answered,
        trend: &mut LatencyTrend,
        tuning: &Tuning,
    ) {
        let Phase::Comparing {
            upper,
            since,
            interval,
        } = self.phase
        else {
            return;
        };
        let size = self.size.max(tuning.min_compared).min(tuning.max_compared) as u64;
        let cohort = if (since..since + size).contains(&answered.seq) {
            Cohort::Half
        } else if (since.saturating_sub(size)..since).contains(&answered.seq) {
            Cohort::Many
        } else {
            return;
        };
        if let Some(latency) = answered.latency {
            trend.observe_cohort(cohort, latency, tuning);
        }
        let levels = (self.size as usize, upper as usize);
        let Some(slower) = trend.compare(levels, tuning.compared_part * size as f64, tuning) else {
            return;
        };
        if slower > 1.0 {
            // What takes longer by as much as there is more of it gets no more done.
            self.resize((upper / slower).max(self.size));
            self.stage_target = self.size as u32;
            let rarest = tuning.max_slow_intervals * self.max_probe_interval(tuning);
            self.enter_steady(interval.min(rarest));
            self.why = Reason::Latency.into();
        } else {
            self.resize(upper);
            self.phase = Phase::SlowStart;
            self.why = Reason::LatencySteady.into();
        }
    }
}
