//! What the latest requests cost.

use super::super::Tuning;
use super::unit::Unit;
use crate::cost::Cost;

/// What the latest requests cost, by unit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recent {
    means: [f64; 4],
    /// The dearest of this generation and of the one before.
    dearest: [[f64; 4]; 2],
    /// Requests of this generation.
    count: u32,
    /// Requests in all, as far as it matters.
    known: u32,
}

impl Recent {
    pub(super) fn observe(&mut self, cost: Cost, tuning: &Tuning) {
        if f64::from(self.count) >= tuning.dearest_memory {
            self.dearest[1] = std::mem::take(&mut self.dearest[0]);
            self.count = 0;
        }
        self.count += 1;
        self.known = self.known.saturating_add(1);
        let weight = tuning.cost_weight.max(1.0 / f64::from(self.known));
        for unit in Unit::ALL {
            let (at, cost) = (unit as usize, unit.of(cost));
            self.means[at] += weight * (cost - self.means[at]);
            self.dearest[0][at] = self.dearest[0][at].max(cost);
        }
    }

    /// The mean of the latest.
    pub(super) fn mean(&self, unit: Unit) -> f64 {
        self.means[unit as usize]
    }

    /// The dearest of the latest.
    pub(super) fn dearest(&self, unit: Unit) -> f64 {
        self.dearest[0][unit as usize].max(self.dearest[1][unit as usize])
    }
}
