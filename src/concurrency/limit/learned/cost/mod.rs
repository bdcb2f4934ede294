//! What requests cost, and what the server's quotas of it have left.
//!
//! Nothing here is about requests per time. A quota of tokens is mirrored once the server tells of it, and a
//! request goes when the mirror has what it costs. A request whose cost is not known before it is sent needs what
//! the dearest of the latest ones took: the reserve.

mod attempts;
mod blame;
mod bucket;
mod learned;
mod learned_window;
mod ledger;
mod meter;
mod rates;
mod recent;
mod scale;
#[cfg(test)]
mod tests;
mod told;
mod unit;
mod window;

use self::attempts::Attempts;
use self::learned::LearnedRate;
pub(super) use self::learned::Shown;
use self::learned_window::LearnedWindow;
use self::ledger::Ledger;
use self::meter::Meter;
use self::recent::Recent;
use self::told::{Refused, Told, seconds};
use self::unit::Unit;
use super::super::{Outcome, Sent};
use super::Tuning;
use crate::cost::Cost;
use crate::hint::{Hint, ResetKind};

/// What each request costs, and what is left of what was told.
#[derive(Clone, Debug)]
pub(super) struct Costs {
    ledger: Ledger,
    recent: Recent,
    /// By unit, in the order of [`Unit::ALL`].
    meters: [Meter; 4],
    attempts: Attempts,
    /// The rates that refusals show where nothing tells of any, by unit.
    learned: [Option<LearnedRate>; 3],
    /// What refusals that ask for a wait show of fixed windows.
    window: LearnedWindow,
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
            learned: [const { None }; 3],
            window: LearnedWindow::default(),
            epoch: 0,
        }
    }

    /// Whether no quota is known, so that nothing binds.
    pub(super) fn is_unknown(&self) -> bool {
        self.meters.iter().all(Meter::is_unknown)
    }

    /// A request was let through. Its cost is charged if it was announced.
    pub(super) fn on_send(&mut self, now: f64, seq: u64, cost: Option<Cost>, tuning: &Tuning) {
        self.ledger.insert(seq);
        if let Some(cost) = cost {
            self.on_cost(now, seq, None, cost, tuning);
        }
    }

    /// The cost of a request is known, or is another: it counted as `before`.
    pub(super) fn on_cost(
        &mut self,
        now: f64,
        seq: u64,
        before: Option<Cost>,
        cost: Cost,
        tuning: &Tuning,
    ) {
        if before.is_none() && !cost.is_free() {
            self.recent.observe(cost, tuning);
            let means = Unit::COSTS.map(|unit| self.recent.mean(unit));
            self.attempts.on_cost(now, seq, cost, means);
            let dearest = self.recent.dearest(Unit::Tokens);
            if let Some(limit) = self.window.on_cost(now, seq, cost, dearest) {
                self.meters[Unit::Tokens as usize].resize(now, limit);
            }
        }
        for meter in &mut self.meters {
            meter.charge(now, before.unwrap_or(Cost::FREE), cost);
        }
        let levels = self.meters.each_mut().map(|meter| meter.mark(now));
        self.ledger.charge(seq, cost, levels);
    }

    /// A request ended. Returns whether a quota of these refused it. `on_way`: the seconds that a request may need to
    /// the server, and its answer back.
    pub(super) fn on_outcome(
        &mut self,
        (now, on_way): (f64, f64),
        sent: &Sent,
        outcome: Outcome<'_>,
        tuning: &Tuning,
    ) -> bool {
        let blamed = match outcome {
            Outcome::Accepted(hint) => {
                self.observe((now, on_way, tuning), sent, hint, None);
                None
            }
            Outcome::Refused { hint, .. } => {
                let cost = sent.cost.unwrap_or(Cost::FREE);
                for meter in &mut self.meters {
                    meter.charge(now, cost, Cost::FREE);
                }
                let blamed = self.blamed(hint, sent, tuning);
                self.observe((now, on_way, tuning), sent, hint, Some(blamed));
                self.ledger.give_back(sent.seq);
                blamed
            }
            Outcome::Failed | Outcome::Ignored => None,
        };
        self.ledger.end(sent.seq);
        blamed.is_some()
    }

    /// The body of a refusal tells more than its head.
    pub(super) fn on_refined(&mut self, now: f64, sent: &Sent, hint: &Hint, tuning: &Tuning) {
        let cost = sent.cost.unwrap_or(Cost::FREE);
        let blamed = self.blamed(hint, sent, tuning);
        if let (Some(unit), Some(counted)) = (blamed, hint.requested()) {
            self.meters[unit as usize].calibrate(cost, counted, tuning);
        }
        self.observe((now, 0.0, tuning), sent, hint, Some(blamed));
    }

    /// The quota that refused a request, as far as is told of those that are mirrored.
    fn blamed(&mut self, hint: &Hint, sent: &Sent, tuning: &Tuning) -> Option<Unit> {
        let cost = sent.cost.unwrap_or(Cost::FREE);
        let (unit, is_told) = told::blames(hint, cost)?;
        let meter = &mut self.meters[unit as usize];
        if unit == Unit::Requests {
            return (!meter.is_unknown()).then_some(unit);
        }
        let left = told::least_left(hint, unit);
        let seqs = (sent.seq, self.ledger.next());
        let is_dearer = left.is_some_and(|left| meter.contradict(cost, left, seqs, tuning));
        (is_told || is_dearer).then_some(unit)
    }

    /// Takes what an answer tells of quotas. `refused`: the quota that refused the request, if it was refused.
    fn observe(
        &mut self,
        (now, on_way, tuning): (f64, f64, &Tuning),
        sent: &Sent,
        hint: &Hint,
        refused: Option<Option<Unit>>,
    ) {
        for quota in hint.quotas() {
            let Some(unit) = Unit::of_dimension(&quota.dimension) else {
                continue;
            };
            if unit == Unit::Requests && quota.kind != ResetKind::Full {
                // Fixed windows of requests have a mirror that knows their lengths.
                continue;
            }
            let cost = self.meters[unit as usize].units(sent.cost.unwrap_or(Cost::FREE));
            let refused = refused.map(|blamed| Refused {
                cost,
                blamed: blamed == Some(unit),
                wait: seconds(hint.wait()).filter(|_| blamed == Some(unit)),
            });
            if quota.remaining.is_some() && quota.limit.is_some() && unit != Unit::Requests {
                // What is told is better than what refusals show.
                self.forget_all_learned();
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
                under_way: self.ledger.uncounted(now - on_way, unit),
                cost,
                refused,
            };
            meter.observe(&told, self.ledger.mark(sent.seq, unit), tuning);
        }
    }

    /// A request is sent that costs this. `times`: how long a refusal may take, and the round trip.
    pub(super) fn pace(&mut self, now: f64, cost: Cost, times: (f64, f64), tuning: &Tuning) {
        for (unit, learned) in Unit::COSTS.into_iter().zip(&mut self.learned) {
            if let Some(learned) = learned {
                learned.on_send(now, unit.of(cost), self.recent.mean(unit), times, tuning);
                self.meters[unit as usize].set_rate(now, learned.rate());
            }
        }
    }

    /// Whether a rate was learned.
    pub(super) fn has_learned(&self) -> bool {
        self.learned.iter().any(Option::is_some)
    }

    /// A request was refused, and nothing tells for what. Returns whether that was its cost, as far as earlier refusals
    /// show.
    pub(super) fn was_refused(&mut self, shown: Shown, tuning: &Tuning) -> bool {
        let Some((_, cost)) = self.attempts.get(shown.seq) else {
            return false;
        };
        self.attempts.on_refused(shown.seq);
        let is_told = |unit: Unit| {
            let at = unit as usize;
            self.learned[at].is_none() && !self.meters[at].is_unknown()
        };
        if !self.window.is_known() && Unit::COSTS.into_iter().any(is_told) {
            return false;
        }
        if self.was_refused_by_window(shown, cost, tuning) {
            return true;
        }
        if self.has_learned() && shown.seq < self.epoch {
            return true;
        }
        let Some(unit) = self.to_blame(shown, tuning) else {
            return false;
        };
        let measured = self.measure(unit, shown, tuning);
        if measured {
            self.epoch = shown.next;
        }
        measured
    }

    /// Takes a refusal for that of a fixed window, if refusals showed one. Returns whether they did.
    fn was_refused_by_window(&mut self, shown: Shown, cost: Cost, tuning: &Tuning) -> bool {
        let behind = self
            .attempts
            .accepted_between(shown.seq, shown.next, Unit::Tokens);
        let behind = (shown.next.saturating_sub(shown.seq + 1) as f64, behind);
        let known = self.window.is_known();
        let dearest = self.recent.dearest(Unit::Tokens);
        let Some(window) = self.window.on_refused(shown, cost, behind, dearest, tuning) else {
            if known {
                self.meters[Unit::Tokens as usize].forget();
            }
            return false;
        };
        if !known {
            self.forget_all_learned();
        }
        self.meters[Unit::Tokens as usize].learn_window(shown.now, window, tuning);
        true
    }

    /// Ends the belief in a rate that refusals showed.
    fn forget_learned(&mut self, unit: Unit) {
        if self.learned[unit as usize].take().is_some() {
            self.meters[unit as usize].forget();
        }
    }

    fn forget_all_learned(&mut self) {
        for unit in Unit::COSTS {
            self.forget_learned(unit);
        }
        if std::mem::take(&mut self.window).is_known() {
            self.meters[Unit::Tokens as usize].forget();
        }
    }

    /// How many requests may go now, of which the first costs `next` if that is known; or when one may.
    pub(super) fn available(
        &mut self,
        now: f64,
        next: Option<Cost>,
        tuning: &Tuning,
    ) -> Result<usize, f64> {
        let uncharged = self.ledger.uncharged() as f64;
        let mut slots = usize::MAX;
        for (at, meter) in self.meters.iter_mut().enumerate() {
            let reserve = meter.reserve(&self.recent, tuning);
            let need = next.map_or(reserve, |cost| meter.units(cost));
            let learned = self.learned.get_mut(at).and_then(Option::as_mut);
            let most = meter.available(now, need, uncharged * reserve);
            if let (Err(_), Some(learned)) = (most, learned) {
                learned.hold();
            }
            slots = slots.min(most?);
        }
        Ok(if next.is_some() { slots.min(1) } else { slots })
    }
}
