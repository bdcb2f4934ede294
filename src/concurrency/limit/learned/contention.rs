//! Others who take from the same bucket.

/// What a refusal costs of a pace that is shared.
const CUT: f64 = 0.2;
/// It is made good in so many round trips, the same for all; where these are short, in so many seconds
/// or requests.
const ROUNDS: f64 = 10.0;
const SECONDS: f64 = 10.0;
const REQUESTS: f64 = 256.0;
/// In so many steps. From the third one on they double: perhaps the others are gone.
const STEPS: u32 = 4;
/// A rate that holds is well above one that was refused if it is so many times as high.
const WELL_ABOVE: f64 = 1.3;
/// A pace is cut from no more than so many times what was measured: it may not have been what held
/// requests back.
const TRUSTED: f64 = 1.25;
/// So many refusals in a row that show nothing of others end the belief in them.
const CALM: u32 = 4;

/// Whether others take from the same bucket, and how the pace makes room for them.
///
/// Alone, what a bucket takes stays the same: what was measured, and not raised since, is not refused,
/// and nothing holds that is well above a rate that was refused. If it is otherwise, others come and go,
/// and what is measured is what they leave. Were all to keep to that, their shares would stay unequal
/// for ever, and their sum just too high. So a refusal costs a good part of the pace, which all win back
/// in the same time. Who has more is refused more often, and shares become equal (Chiu and Jain, 1989).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Contention {
    /// How many more refusals others are believed in.
    belief: u32,
    /// The rate that was refused last.
    refused_rate: Option<f64>,
    /// Steps since then.
    steps: u32,
}

impl Contention {
    /// Whether there are others.
    pub(super) fn is_shared(&self) -> bool {
        self.belief > 0
    }

    /// Notes that `rate` was refused. `held` is the highest that held since the last refusal, or 0;
    /// `missed` if the rate was measured, and not raised since. Whether that was too low to be refused.
    pub(super) fn observe(&mut self, rate: f64, held: Option<f64>, missed: bool) -> bool {
        let last = self.refused_rate;
        let again = self.is_shared() && last.is_some_and(|last| rate < 0.999 * last);
        let rose = last
            .zip(held)
            .is_some_and(|(last, held)| held > WELL_ABOVE * last);
        let missed = missed || again;
        self.belief = if missed || rose {
            CALM
        } else {
            self.belief.saturating_sub(1)
        };
        self.refused_rate = Some(rate);
        missed
    }

    /// The rate after one was refused, of which `measured` was let in.
    pub(super) fn cut(&mut self, rate: f64, measured: f64) -> f64 {
        let rate = rate.min(TRUSTED * measured);
        self.refused_rate = Some(rate);
        self.steps = 0;
        rate * (1.0 - CUT)
    }

    /// How many requests a step takes, with a round trip of `rtt` seconds.
    pub(super) fn requests_per_step(&self, rtt: f64) -> f64 {
        let rate = self.refused_rate.unwrap_or(0.0);
        let short = (SECONDS * rate).min(REQUESTS);
        (ROUNDS * rtt * rate).max(short) / f64::from(STEPS)
    }

    /// By how much `rate` rises in the next step, and by no more than the part `max_step`.
    pub(super) fn next_rise(&mut self, rate: f64, max_step: f64) -> f64 {
        self.steps = self.steps.saturating_add(1);
        let first = CUT / f64::from(STEPS) * self.refused_rate.unwrap_or(0.0);
        let doubled = f64::from(self.steps.saturating_sub(STEPS / 2)).exp2();
        (first * doubled).min(first.max(max_step * rate))
    }
}

#[cfg(test)]
mod tests;
