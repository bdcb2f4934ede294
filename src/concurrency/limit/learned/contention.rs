//! Contention: other clients that take from the same bucket.

use super::Tuning;

/// Whether other clients take from the same bucket, and how the pace makes room for them.
///
/// For a client alone, the bucket takes the same all the time: a measured rate that was not raised
/// is not refused, and no rate holds that is well above a refused one. If that is otherwise, other
/// clients come and go, and the measured rate is what they leave. If all kept to that, their shares
/// would stay unequal, and their sum just too high. So a refusal costs a good part of the pace,
/// which all win back in the same time. A client with more is refused more often, and the shares
/// become equal (Chiu and Jain, 1989).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Contention {
    /// Refusals without a sign of others that are left until the belief in them ends.
    belief: u32,
    /// The rate that was refused last.
    refused_rate: Option<f64>,
    /// Steps since then.
    steps: u32,
}

impl Contention {
    /// Whether other clients share the bucket.
    pub(super) fn is_shared(&self) -> bool {
        self.belief > 0
    }

    /// What counts as a request is another amount: this number of the new ones is one of the old.
    pub(super) fn rescale(&mut self, factor: f64) {
        self.refused_rate = self.refused_rate.map(|rate| rate * factor);
    }

    /// Records that `rate` was refused. `held`: the highest rate that held since the last refusal.
    /// `missed`: the rate was measured and not raised since. `steady`: the bucket gave exactly what was measured before, so
    /// that nobody else took of it. Returns whether a client alone would not have been refused.
    pub(super) fn observe(
        &mut self,
        rate: f64,
        held: Option<f64>,
        (missed, steady): (bool, bool),
        tuning: &Tuning,
    ) -> bool {
        let last = self.refused_rate;
        let again = self.is_shared() && last.is_some_and(|last| rate < tuning.refused_again * last);
        let rose = last
            .zip(held)
            .is_some_and(|(last, held)| held > tuning.well_above * last);
        let missed = missed || again;
        self.belief = if (missed || rose) && !steady {
            tuning.contention_refusals as u32
        } else {
            self.belief.saturating_sub(1)
        };
        self.refused_rate = Some(rate);
        missed
    }

    /// Returns the rate after the refusal of `rate`, of which `measured` was accepted.
    pub(super) fn cut(&mut self, rate: f64, measured: f64, tuning: &Tuning) -> f64 {
        let rate = rate.min(tuning.trusted_rate * measured);
        self.refused_rate = Some(rate);
        self.steps = 0;
        rate * (1.0 - tuning.shared_cut)
    }

    /// The share of this client is another.
    pub(super) fn shift(&mut self, moved: impl FnOnce(f64) -> f64) {
        self.refused_rate = self.refused_rate.map(moved);
    }

    /// Requests of a step, with a round trip of `rtt` seconds.
    pub(super) fn requests_per_step(&self, rtt: f64, tuning: &Tuning) -> f64 {
        let rate = self.refused_rate.unwrap_or(0.0);
        let short = (tuning.shared_seconds * rate).min(tuning.shared_requests);
        ((tuning.shared_rounds * rtt).min(tuning.max_shared_seconds) * rate).max(short)
            / tuning.shared_steps
    }

    /// Returns by how much `rate` rises in the next step. The later steps double: the others may be
    /// gone.
    pub(super) fn next_rise(&mut self, rate: f64, tuning: &Tuning) -> f64 {
        self.steps = self.steps.saturating_add(1);
        let first = tuning.shared_cut / tuning.shared_steps * self.refused_rate.unwrap_or(0.0);
        let doubled = f64::from(
            self.steps
                .saturating_sub((tuning.shared_steps / 2.0) as u32),
        )
        .exp2();
        (first * doubled).min(first.max(tuning.max_step * rate))
    }
}

#[cfg(test)]
mod tests;
