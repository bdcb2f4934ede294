//! What a request's cost changes of what its sending and its end teach.

use super::{Costs, Fate, Learned, Now, Outcome, Sent, sent_at};

impl Learned {
    /// A request is let through whose cost counts, if anybody told a cost.
    pub(super) fn on_send_at_cost(&mut self, now: &Now, sent: &Sent) {
        if sent.cost.is_some() && self.costs.is_none() {
            self.costs = Some(Box::new(Costs::new()));
        }
        if let Some(costs) = &mut self.costs {
            costs.on_send(now.get().as_secs_f64(), sent.seq, sent.cost);
        }
    }

    /// A request ended. Returns whether it was refused for what it cost: that says nothing of requests.
    pub(super) fn was_refused_for_cost(
        &mut self,
        now: &Now,
        sent: &Sent,
        outcome: Outcome<'_>,
    ) -> bool {
        let Some(costs) = &mut self.costs else {
            return false;
        };
        let now = now.get().as_secs_f64();
        if !costs.on_outcome(now, sent, outcome) {
            return false;
        }
        let Outcome::Refused { hint, .. } = outcome else {
            return false;
        };
        if self.is_final(hint) {
            return false;
        }
        let sent_at = sent_at(sent, now, self.breaker.refusal_time());
        self.breaker
            .observe_refusal_time((now - sent_at).max(self.tuning.min_seconds), &self.tuning);
        self.advertised
            .observe(hint, sent.seq, sent_at, self.sent, now, &self.tuning);
        self.history.on_outcome(sent.seq, Fate::Unknown);
        self.refused += 1;
        // The mirror holds back whoever would be refused as well.
        self.pausing = false;
        if self.breaker.is_probe(sent.seq) {
            self.breaker.probe_lost(now);
        }
        self.limit.on_failed();
        self.advertised.on_outcome(sent.seq);
        true
    }
}
