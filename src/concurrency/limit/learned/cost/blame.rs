//! Which limit refused a request, where nothing tells that.

use super::super::Tuning;
use super::Costs;
use super::learned::{LearnedRate, Shown};
use super::unit::Unit;

impl Costs {
    /// The unit that a request was refused for; `None` if it is that of requests, as far as is known.
    ///
    /// The limit that binds is to blame, and that is the one that held requests back. Where none did, or none is known, it is the
    /// unit that explains the refusals.
    pub(super) fn to_blame(&self, shown: Shown, tuning: &Tuning) -> Option<Unit> {
        let held = |unit: &Unit| Some((*unit, self.learned[*unit as usize].as_ref()?.held_share()));
        let known = Unit::COSTS.iter().filter_map(held);
        let busiest = known.max_by(|one, other| one.1.total_cmp(&other.1));
        let Some((unit, share)) = busiest else {
            return self.explains(shown, tuning);
        };
        let of_requests = shown.paced.unwrap_or(0.0);
        if share.max(of_requests) >= tuning.cost_held {
            return (share >= of_requests).then_some(unit);
        }
        self.explains(shown, tuning)
    }

    /// The unit, not known yet, that explains the refusals clearly better than their number does.
    fn explains(&self, shown: Shown, tuning: &Tuning) -> Option<Unit> {
        let (few, more) = (tuning.cost_explained, tuning.cost_explained_often);
        let enough = if f64::from(self.attempts.refused()) < tuning.judged_refusals {
            few
        } else {
            more
        };
        let is_split = self.recent.mean(Unit::Output) > 0.0;
        let units = Unit::COSTS.into_iter().filter(|unit| {
            self.learned[*unit as usize].is_none() && (is_split || *unit == Unit::Tokens)
        });
        let explained = units.filter_map(|unit| {
            let explained = self.attempts.explained(unit)?;
            let dearness = self.attempts.dearness(unit);
            let least = if shown.shared && dearness >= tuning.cost_dearness {
                // A pace that does not hold, since dearer ones are sent, is none of requests.
                more
            } else {
                enough.max(explained.by_requests + tuning.cost_clearly)
            };
            (dearness >= 0.0 && explained.by_cost >= least).then_some((unit, explained.by_cost))
        });
        // Of two that explain the same the first, which is the sum.
        explained
            .reduce(|best, other| if other.1 > best.1 { other } else { best })
            .map(|(unit, _)| unit)
    }

    /// A refusal for what it cost in a unit: measures its rate. Returns whether there is one.
    pub(super) fn measure(&mut self, unit: Unit, shown: Shown, tuning: &Tuning) -> bool {
        let slot = &mut self.learned[unit as usize];
        match slot {
            Some(learned) => {
                let full_seconds = self.meters[unit as usize].full_seconds();
                learned.measure(shown, &self.attempts, full_seconds, tuning);
            }
            None => {
                let mean = self.recent.mean(unit).max(1.0);
                *slot = LearnedRate::new(shown, &self.attempts, unit, mean, tuning);
            }
        }
        let depth = self.recent.dearest(unit);
        let Some(learned) = slot else { return false };
        if learned.is_window(shown, depth, tuning) || learned.is_refuted(&self.attempts, tuning) {
            self.forget_learned(unit);
            return false;
        }
        let behind = self.attempts.accepted_between(shown.seq, shown.next, unit);
        // Less than its cost was there: how much less is not known, and to be refused twice is dear.
        self.meters[unit as usize].learn(shown.now, -behind, depth, learned.rate());
        true
    }
}
