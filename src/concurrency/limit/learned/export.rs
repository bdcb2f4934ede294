//! What was found out, for the next run.

use std::time::Duration;

use super::Learned;
use super::pacer::Pacer;
use crate::concurrency::learnt::{Ceiling, Learnt};

impl Learned {
    /// The findings of this run, and nothing of how they came about.
    pub(super) fn findings(&self, now: f64) -> Learnt {
        let (size, ceiling) = self.limit.found(&self.tuning);
        let paced = self.pacer.as_deref();
        // Beside a pace, the limit only makes room for it.
        let ceiling = paced.map_or(ceiling, |_| Ceiling::Unknown);
        let mut learnt = Learnt::new(size).with_ceiling(ceiling);
        if let Some(rtt) = self
            .rtt
            .and_then(|rtt| Duration::try_from_secs_f64(rtt).ok())
        {
            learnt = learnt.with_round_trip(rtt);
        }
        let rate = paced.and_then(|pacer| pacer.found(self.depth(pacer), &self.tuning));
        if let Some(rate) = rate {
            learnt = learnt.with_rate(rate);
        }
        if let Some(window) = self.breaker.window().found(now, &self.tuning) {
            learnt = learnt.with_window(window);
        }
        if let Some(quota) = self.advertised.found(now) {
            learnt = learnt.with_quota(quota);
        }
        learnt
    }

    /// How many requests the server's bucket held at first: what it accepted beside what flowed in.
    fn depth(&self, pacer: &Pacer) -> f64 {
        self.opening.first_burst().map_or(1.0, |burst| {
            burst.admitted - pacer.measured() * burst.seconds
        })
    }
}
