//! A pace that becomes another because the share of the limit does.

use super::{Pacer, Tuning};

impl Pacer {
    /// Whatever is known in requests per second is `by` more from now on, or less, and known as well as before.
    pub(in super::super) fn shift(&mut self, now: f64, by: f64, tuning: &Tuning) {
        self.refill(now, tuning);
        let least = tuning.max_wait.recip();
        let moved = |rate: f64| (rate + by).min(tuning.max_rate).max(least);
        self.measured.shift(by, least);
        self.rate = moved(self.rate);
        self.highest = moved(self.highest);
        self.step.held_rate = self.step.held_rate.map(moved);
        self.contention.shift(moved);
    }
}
