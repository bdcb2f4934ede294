//! A pace beside others: of requests beside one of tokens, or the other way round.

use super::{Pacer, Tuning};

impl Pacer {
    /// The share of the latest requests that it held back.
    pub(in super::super) fn held_share(&self) -> f64 {
        self.held_share
    }

    /// Seconds since the last refusal in which it would have let more requests through.
    pub(in super::super) fn idle_seconds(&self) -> f64 {
        self.spilled / self.rate
    }

    /// What overflowed here is stored elsewhere.
    pub(in super::super) fn ignore_spilled(&mut self) {
        self.spilled = 0.0;
    }

    /// What counts as a request is another amount: this number of the new ones is one of the old.
    pub(in super::super) fn rescale(&mut self, factor: f64) {
        self.rate *= factor;
        self.highest *= factor;
        self.measured.rescale(factor);
        self.tokens *= factor;
        self.spilled *= factor;
        self.peak *= factor;
        self.step.held_back *= factor;
        self.step.held_rate = self.step.held_rate.map(|rate| rate * factor);
        self.contention.rescale(factor);
    }

    /// Whether its bucket gave exactly what it gave before. As long as it does, a slow pace rises more rarely.
    ///
    /// Not that of requests: another limit may be taken for its, which then is to be left soon.
    pub(in super::super) fn be_calm(&mut self, steady: bool, tuning: &Tuning) {
        self.step.calm = if steady {
            (2.0 * self.step.calm).min(tuning.max_probe_budget)
        } else {
            // Once may be by chance.
            0.5
        };
    }

    /// Another limit was taken for that of requests, perhaps. Until it is refused it doubles, so that it holds nobody up
    /// for long.
    pub(in super::super) fn suspect(&mut self, tuning: &Tuning) {
        self.step.size = tuning.spaced_step;
    }
}
