//! What requests cost, and what the server's quotas of it have left.
//!
//! Nothing here is about requests per time. A quota of tokens is mirrored once the server tells of it, and a
//! request goes when the mirror has what it costs. A request whose cost is not known before it is sent needs what
//! the dearest of the latest ones took: the reserve.

mod attempts;
mod bucket;
mod learned;
mod ledger;
mod meter;
mod rates;
mod recent;
#[cfg(test)]
mod tests;
mod told;
mod unit;
mod window;

use self::attempts::Attempts;
use self::learned::LearnedRate;
pub(super) use self::learned::Shown;
use self::ledger::Ledger;
use self::meter::Meter;
use self::recent::Recent;
use self::told::{Refused, Told, seconds};
use self::unit::Unit;
use super::super::{Outcome, Sent};
use super::Tuning;
use crate::cost::Cost;
use crate::hint::Hint;

/// What each request costs, and what is left of what was told.
#[derive(Clone, Debug)]
pub(super) struct Costs {
    ledger: Ledger,
    recent: Recent,
    /// By unit, in the order of [`Unit::ALL`].
    meters: [Meter; 3],
    attempts: Attempts,
    /// The rate of tokens, if nothing tells it and refusals show it.
    learned: Option<LearnedRate>,
    /// Refusals of requests with a lower number belong to the last lesson.
    epoch: u64,
}

impl Costs {
    pub(super) fn new() -> Self {
        Self {
            ledger: Ledger::default(),
            recent: Recent::default(),
            meters: Unit::ALL.map(Meter::new),
            attempts: Attempts::default(),
            learned: None,
            epoch: 0,
        }
    }

    /// Whether no quota is known, so that nothing binds.
    pub(super) fn is_unknown(&self) -> bool {
        self.meters.iter().all(Meter::is_unknown)
    }

    /// A request was let through. Its cost is charged if it was announced.
    pub(super) fn on_send(&mut self, now: f64, seq: u64, cost: Option<Cost>) {
        self.ledger.insert(seq);
        if let Some(cost) = cost {
            self.on_cost(now, seq, None, cost);
        }
    }

    /// The cost of a request is known, or is another: it counted as `before`.
    pub(super) fn on_cost(&mut self, now: f64, seq: u64, before: Option<Cost>, cost: Cost) {
        if before.is_none() && !cost.is_free() {
            self.recent.observe(cost);
            self.attempts.on_cost(now, seq, Unit::Tokens.of(cost));
        }
        for meter in &mut self.meters {
            meter.charge(now, before.unwrap_or(Cost::FREE), cost);
        }
        let levels = self.meters.each_mut().map(|meter| meter.mark(now));
        self.ledger.charge(seq, cost, levels);
    }

    /// A request ended. Returns whether a quota of these refused it.
    pub(super) fn on_outcome(&mut self, now: f64, sent: &Sent, outcome: Outcome<'_>) -> bool {
        let blamed = match outcome {
            Outcome::Accepted(hint) => {
                self.observe(now, sent, hint, None);
                None
            }
            Outcome::Refused { hint, .. } => {
                let cost = sent.cost.unwrap_or(Cost::FREE);
                for meter in &mut self.meters {
                    meter.charge(now, cost, Cost::FREE);
                }
                let blamed = told::blames(hint, cost);
                self.observe(now, sent, hint, Some(blamed));
                self.ledger.give_back(sent.seq);
                blamed
            }
            Outcome::Failed | Outcome::Ignored => None,
        };
        self.ledger.end(sent.seq);
        blamed.is_some()
    }

    /// The body of a refusal tells more than its head.
    pub(super) fn on_refined(&mut self, now: f64, sent: &Sent, hint: &Hint) {
        let cost = sent.cost.unwrap_or(Cost::FREE);
        let blamed = told::blames(hint, cost);
        if let (Some(unit), Some(counted)) = (blamed, hint.requested()) {
            self.meters[unit as usize].calibrate(cost, counted);
        }
        self.observe(now, sent, hint, Some(blamed));
    }

    /// Takes what an answer tells of quotas. `refused`: the quota that refused the request, if it was refused.
    fn observe(&mut self, now: f64, sent: &Sent, hint: &Hint, refused: Option<Option<Unit>>) {
        for quota in hint.quotas() {
            let Some(unit) = Unit::of_dimension(&quota.dimension) else {
                continue;
            };
            let refused = refused.map(|blamed| Refused {
                cost: self.meters[unit as usize].units(sent.cost.unwrap_or(Cost::FREE)),
                blamed: blamed == Some(unit),
                wait: seconds(hint.wait()).filter(|_| blamed == Some(unit)),
            });
            if quota.remaining.is_some() && quota.limit.is_some() && unit == Unit::Tokens {
                // What is told is better than what refusals show.
                self.forget_learned();
            }
            let meter = &mut self.meters[unit as usize];
            let since = if meter.is_unknown() {
                self.ledger.charged_since(sent.seq, unit)
            } else {
                0.0
            };
            let told = Told {
                now,
                quota,
                since,
                refused,
            };
            meter.observe(&told, self.ledger.mark(sent.seq, unit));
        }
    }

    /// A request is sent that costs this, if the pace of costs is learned. `times`: how long a refusal may take, and the
    /// round trip.
    pub(super) fn pace(&mut self, now: f64, cost: Cost, times: (f64, f64), tuning: &Tuning) {
        if let Some(learned) = &mut self.learned {
            learned.on_send(now, Unit::Tokens.of(cost), times, tuning);
            self.meters[0].set_rate(now, learned.rate());
        }
    }

    /// A request was refused, and nothing tells for what. Returns whether that was its cost, as far as earlier refusals
    /// show.
    pub(super) fn was_refused(&mut self, shown: Shown, tuning: &Tuning) -> bool {
        if self.attempts.get(shown.seq).is_none() {
            return false;
        }
        self.attempts.on_refused(shown.seq);
        if self.learned.is_none() && !self.meters[0].is_unknown() {
            return false;
        }
        if let (Some(_), true) = (&self.learned, shown.seq < self.epoch) {
            return true;
        }
        match &mut self.learned {
            Some(learned) => learned.measure(shown, &self.attempts, tuning),
            None => {
                let mean = self.recent.mean(Unit::Tokens).max(1.0);
                self.learned = LearnedRate::new(shown, &self.attempts, mean, tuning);
            }
        }
        let depth = self.recent.dearest(Unit::Tokens);
        let is_wrong = |learned: &LearnedRate| {
            learned.is_window(shown, depth) || learned.is_refuted(&self.attempts, tuning)
        };
        if self.learned.as_ref().is_some_and(is_wrong) {
            self.forget_learned();
        }
        let Some(learned) = &self.learned else {
            return false;
        };
        self.epoch = shown.next;
        let behind = self.attempts.accepted_between(shown.seq, shown.next);
        // Less than its cost was there: how much less is not known, and to be refused twice is dear.
        self.meters[0].learn(shown.now, -behind, depth, learned.rate());
        true
    }

    /// Ends the belief in a rate of tokens that refusals showed.
    fn forget_learned(&mut self) {
        if self.learned.take().is_some() {
            self.meters[0].forget();
        }
    }

    /// How many requests may go now, of which the first costs `next` if that is known; or when one may.
    pub(super) fn available(&mut self, now: f64, next: Option<Cost>) -> Result<usize, f64> {
        let uncharged = self.ledger.uncharged() as f64;
        let mut slots = usize::MAX;
        for meter in &mut self.meters {
            let reserve = meter.reserve(&self.recent);
            let need = next.map_or(reserve, |cost| meter.units(cost));
            let most = meter.available(now, need, uncharged * reserve);
            if let (Err(_), Some(learned)) = (most, &mut self.learned) {
                learned.hold();
            }
            slots = slots.min(most?);
        }
        Ok(if next.is_some() { slots.min(1) } else { slots })
    }
}
