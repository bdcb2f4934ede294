//! What a request's cost changes of what its sending and its end teach.

use super::arbiter::blames_server;
use super::cost::Shown;
use super::{Costs, Fate, Learned, Now, Outcome, Sent, sent_at};
use crate::cost::Cost;
use crate::hint::Hint;

impl Learned {
    /// Whether a quota of costs binds.
    pub(super) fn counts_costs(&self) -> bool {
        self.costs.as_ref().is_some_and(|costs| !costs.is_unknown())
    }

    /// Seconds since the last refusal in which what requests cost held them back, and not the pace of requests.
    pub(super) fn idle_for_costs(&self) -> f64 {
        let learned = self.costs.as_ref().is_some_and(|costs| costs.has_learned());
        let pacer = self.pacer.as_ref().filter(|_| learned);
        pacer.map_or(0.0, |pacer| pacer.idle_seconds())
    }

    /// The body of a refusal was read.
    pub(super) fn on_its_body(&mut self, now: &Now, sent: &Sent, hint: &Hint) {
        if let Some(costs) = &mut self.costs {
            costs.on_refined(now.get().as_secs_f64(), sent, hint, &self.tuning);
        }
    }

    /// A request is let through whose cost counts, if anybody told a cost.
    pub(super) fn on_send_at_cost(&mut self, now: &Now, sent: &Sent) {
        if sent.cost.is_some() && self.costs.is_none() {
            self.costs = Some(Box::new(Costs::new()));
        }
        let Some(costs) = &mut self.costs else {
            return;
        };
        let now = now.get().as_secs_f64();
        costs.on_send(now, sent.seq, sent.cost, &self.tuning);
        if let Some(cost) = sent.cost {
            self.keep_pace(now, cost);
        }
    }

    /// What a request costs is known, or is another.
    pub(super) fn on_its_cost(&mut self, now: &Now, sent: &Sent, cost: Cost) {
        let costs = self.costs.get_or_insert_with(|| Box::new(Costs::new()));
        let now = now.get().as_secs_f64();
        costs.on_cost(now, sent.seq, sent.cost, cost, &self.tuning);
        if sent.cost.is_none() {
            self.keep_pace(now, cost);
        }
    }

    /// A request is sent that costs this.
    fn keep_pace(&mut self, now: f64, cost: Cost) {
        let times = (
            self.breaker.refusal_timeout(&self.tuning),
            self.rtt.unwrap_or(0.0),
        );
        if let Some(costs) = &mut self.costs {
            costs.pace(now, cost, times, &self.tuning);
        }
    }

    /// A request ended. Returns whether it was refused for what it cost: that says nothing of requests.
    pub(super) fn was_refused_for_cost(
        &mut self,
        now: &Now,
        sent: &Sent,
        outcome: Outcome<'_>,
    ) -> bool {
        let is_final = matches!(outcome, Outcome::Refused { hint, .. } if self.is_final(hint));
        let Some(costs) = &mut self.costs else {
            return false;
        };
        let now = now.get().as_secs_f64();
        // What was not refused by then has arrived.
        let on_way = self.breaker.refusal_timeout(&self.tuning);
        let told = costs.on_outcome((now, on_way), sent, outcome, &self.tuning);
        let Outcome::Refused { hint, status } = outcome else {
            return false;
        };
        if is_final {
            return false;
        }
        let next = self.sent;
        let shown = Shown {
            now,
            seq: sent.seq,
            next,
            asked: hint.wait().map(|wait| wait.as_secs_f64()),
            paced: self.pacer.as_ref().map(|pacer| pacer.held_share()),
            shared: self.pacer.as_ref().is_some_and(|pacer| pacer.is_shared()),
        };
        let first = !costs.has_learned();
        let learned = !told && !blames_server(status) && costs.was_refused(shown, &self.tuning);
        if !told && !learned {
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
        if learned {
            if let Some(pacer) = self.pacer.as_mut().filter(|_| first) {
                // What was taken for a rate of requests may have been that of tokens.
                pacer.suspect(&self.tuning);
            }
            self.contradictions = 0;
            self.breaker.close();
            self.recovery_epoch = self.sent;
        }
        if self.breaker.is_probe(sent.seq) {
            self.breaker.probe_lost(now);
        }
        self.limit.on_failed();
        self.advertised.on_outcome(sent.seq);
        true
    }
}
