//! What an earlier run has found out. Nothing of it is proven.

use super::Learned;
use super::pacer::Pacer;
use crate::concurrency::learnt::{Ceiling, Learnt};
use crate::concurrency::limit::Reason;
use crate::hint::Dimension;

impl Learned {
    /// Begins with what an earlier run has found out.
    pub(super) fn resume_from(&mut self, now: f64, learnt: &Learnt) {
        let admitted = self.sent as f64 - self.refused as f64;
        if let Some(rtt) = learnt.round_trip() {
            self.rtt = Some(rtt.as_secs_f64().min(self.tuning.max_wait));
            self.rtt_is_old = true;
        }
        self.limit
            .begin_at(self.needed(learnt), learnt.ceiling(), &self.tuning);
        // Nobody is held for longer than `max_wait` by what may be wrong.
        let rate = learnt
            .rate(&Dimension::Requests)
            .filter(|rate| rate.per_second() * self.tuning.max_wait >= 1.0);
        if let Some(rate) = rate {
            self.pacer = Some(Box::new(Pacer::resumed(now, rate, &self.tuning)));
            self.pace_changed(Reason::Resumed);
            // The pace binds, and not the growth of the limit.
            self.limit.stop(&self.tuning);
            self.make_room_for_pacer();
        }
        if let Some(window) = learnt.window() {
            self.breaker.window_mut().resume(now, admitted, window);
        }
        self.advertised
            .resume(now, learnt.quotas(), self.tuning.max_wait);
    }

    /// How many in flight are needed of what an earlier run has found. Where nothing but a window was met, that is the
    /// number that uses it up in time: what went beyond that was never refused, and never of use.
    fn needed(&self, learnt: &Learnt) -> usize {
        let limit = learnt.limit();
        match (learnt.window(), learnt.ceiling(), self.rtt) {
            (Some(window), Ceiling::Unknown, Some(rtt)) => {
                let in_flight = window.quota() as f64 / window.length().as_secs_f64() * rtt;
                let room = self.tuning.room_in_flight * in_flight + self.tuning.room_requests;
                limit.min(room as usize)
            }
            _ => limit,
        }
    }

    /// A request was refused, and nothing can be measured yet. What the bucket held may be what a resumed pace has
    /// outrun.
    pub(super) fn refuse_resumed_pace(&mut self, now: f64) {
        let burst = self.opening.first_burst();
        if let Some(pacer) = self.pacer.as_mut().filter(|pacer| pacer.is_resumed()) {
            let accepted = burst.map_or((0.0, 0.0), |burst| (burst.admitted, burst.seconds));
            let is_new = pacer.refuse_resumed(now, accepted, &self.tuning);
            if is_new {
                // From here on the pace must explain what is refused.
                self.history.forget();
                self.pace_changed(Reason::Measured);
            } else {
                self.pace_changed(Reason::Refused);
            }
            self.make_room_for_pacer();
        }
    }
}
