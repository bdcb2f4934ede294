//! How many units a server counts for one of what it is told that requests cost.

use super::super::Tuning;

/// The factor between what the server counts and what is told to it that requests cost.
///
/// The server tells its count in some refusals. Where it does not, what answers correct tells it: of requests that cost
/// half of what they take, as much again is missing. So does whoever else uses the quota, so that alone moves nothing: a
/// refusal does of a request that fitted into what was left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    factor: f64,
    /// Whether the server ever told its count.
    calibrated: bool,
    /// How much more refusals show.
    raised: f64,
    /// Refusals of requests with a lower number belong to the last raise.
    epoch: u64,
    /// What accepted requests were charged since then, and what was missing beside that. Of both, the latest count.
    charged: f64,
    missing: f64,
}

/// A request that was refused though it fitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contradiction {
    pub(super) seq: u64,
    /// The number of the next request.
    pub(super) next: u64,
    /// What it was charged, and what it must have taken, at least.
    pub(super) charged: f64,
    pub(super) taken: f64,
}

impl Scale {
    pub(super) const ONE: Self = Self {
        factor: 1.0,
        calibrated: false,
        raised: 1.0,
        epoch: 0,
        charged: 0.0,
        missing: 0.0,
    };

    pub(super) fn get(&self) -> f64 {
        self.factor * self.raised
    }

    fn set_raised(&mut self, raised: f64) {
        self.raised = raised.max(1.0);
        (self.charged, self.missing) = (0.0, 0.0);
    }

    /// The server counted this for a request that was told to cost `told`.
    pub(super) fn calibrate(&mut self, told: f64, counted: u64, tuning: &Tuning) {
        if told > 0.0 && counted > 0 {
            let most = tuning.max_cost_scale.max(1.0);
            let scale = (counted as f64 / told).clamp(1.0 / most, most);
            let weight = if self.calibrated {
                tuning.cost_calibration.min(1.0)
            } else {
                1.0
            };
            self.factor += weight * (scale - self.factor);
            self.calibrated = true;
            self.set_raised(1.0);
        }
    }

    /// A request was accepted that was charged this, and its answer corrected what was left by `wrong`.
    pub(super) fn on_accepted(&mut self, charged: f64, wrong: f64, tuning: &Tuning) {
        self.charged += charged;
        self.missing -= wrong;
        let few = tuning.cost_answers * charged;
        if self.charged < few || charged <= 0.0 {
            return;
        }
        let share = self.missing / self.charged;
        if self.raised > 1.0 && share < -tuning.cost_overrated {
            // More than they take.
            self.set_raised(self.raised * (1.0 + share).max(0.5));
        } else if self.charged > 4.0 * few {
            self.charged /= 2.0;
            self.missing /= 2.0;
        }
    }

    /// A request was refused though it fitted. Returns whether what they cost explains that, so that it is more now.
    pub(super) fn raise(&mut self, shown: Contradiction, tuning: &Tuning) -> bool {
        let least = shown.taken / shown.charged;
        let seen = if self.charged > 0.0 {
            1.0 + (self.missing / self.charged).max(0.0)
        } else {
            1.0
        };
        let step = tuning.cost_step.max(1.0);
        if least > step * seen {
            return false;
        }
        if shown.seq >= self.epoch {
            self.epoch = shown.next;
            self.set_raised(self.raised * least.max(seen).max(step));
        } else {
            self.raised *= least;
        }
        true
    }
}
