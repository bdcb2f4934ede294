//! What the latest requests cost.

use super::unit::Unit;
use crate::cost::Cost;

/// After how many requests the dearest is forgotten, at the earliest.
const GENERATION: u32 = 256;

/// The weight of the latest request in the mean.
const WEIGHT: f64 = 1.0 / 32.0;

/// What the latest requests cost, by unit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recent {
    means: [f64; 3],
    /// The dearest of this generation and of the one before.
    dearest: [[f64; 3]; 2],
    /// Requests of this generation.
    count: u32,
    /// Requests in all, as far as it matters.
    known: u32,
}

impl Recent {
    pub(super) fn observe(&mut self, cost: Cost) {
        if self.count == GENERATION {
            self.dearest[1] = std::mem::take(&mut self.dearest[0]);
            self.count = 0;
        }
        self.count += 1;
        self.known = self.known.saturating_add(1);
        let weight = WEIGHT.max(1.0 / f64::from(self.known));
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
