//! What an accepted request teaches.

use super::in_flight::Answered;
use super::{Learned, Load, Now, Sent, sent_at};
use crate::concurrency::limit::Reason;
use crate::hint::Hint;

impl Learned {
    pub(super) fn on_accepted(&mut self, now: &Now, sent: &Sent, hint: &Hint, load: Load) {
        // While the limit is hardly used, most answers teach nothing but their latency, and a
        // sample of that is enough.
        let idle =
            self.breaker.is_closed() && load.waiting == 0 && 2 * sent.in_flight < self.limit.get();
        if idle && sent.seq % self.idle_samples() != 0 && hint.is_empty() {
            return;
        }
        let now = now.get().as_secs_f64();
        if self.breaker.is_probe(sent.seq) {
            self.breaker
                .probe_accepted(now, load.in_flight, &self.tuning);
            self.advertised_wait.on_accepted(sent_at(sent, now, 0.0));
        }
        let latency = sent.at.map(|at| now - at.as_secs_f64());
        if let Some(latency) = latency {
            let weight = self.tuning.rtt_weight;
            let mean = |rtt: f64| (1.0 - weight) * rtt + weight * latency;
            let known = self.rtt.filter(|_| !std::mem::take(&mut self.rtt_is_old));
            self.rtt = Some(known.map_or(latency, mean));
            // What holds requests back is a quota then, and more in flight is a matter of what they cost.
            if !self.counts_costs() {
                self.trend.observe(sent.in_flight, latency, &self.tuning);
            }
            self.breaker
                .on_accepted(self.rtt.unwrap_or(0.0), &self.tuning);
        }
        let sent_at = sent_at(sent, now, self.rtt.unwrap_or(0.0));
        self.advertised
            .observe(hint, sent.seq, sent_at, self.sent, now, &self.tuning);
        self.lift_pace(now);
        let limit_bound = load.waiting > 0 && load.in_flight + 1 >= self.limit.get();
        let recent = sent.seq >= self.recovery_epoch;
        let answered = Answered {
            seq: sent.seq,
            level: sent.in_flight,
            latency,
            next: self.sent,
            limit_bound,
            recent,
            queue: load.waiting,
        };
        let probe_accepted = self
            .limit
            .on_accepted(&answered, &mut self.trend, &self.tuning);
        if probe_accepted {
            self.on_probe_accepted(now);
        }
    }

    /// The server is ready to accept far more than was learned: a pace that is so much slower ends.
    fn lift_pace(&mut self, now: f64) {
        let Some(pacer) = &self.pacer else { return };
        let licence = self.advertised.licence(now, &self.tuning);
        if licence.is_some_and(|rate| rate > self.tuning.licence_margin * pacer.rate()) {
            self.drop_pace(Reason::Told);
            self.contradictions = 0;
            self.exhausted = None;
        }
    }
}
