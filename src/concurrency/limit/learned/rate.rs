//! The rate at which a server's bucket refills, as measured.

use super::Tuning;

/// A number of requests, and the seconds in which they were accepted, between two moments at which
/// the bucket was empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    requests: f64,
    seconds: f64,
}

/// How a measurement compares with those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The same, within its noise.
    Confirmed,
    /// Higher, after the pace climbed.
    Climbed,
    /// Another rate.
    Changed,
}

impl Rate {
    pub(super) fn new(requests: f64, seconds: f64) -> Self {
        Self { requests, seconds }
    }

    /// Requests per second.
    pub(super) fn get(&self) -> f64 {
        self.requests / self.seconds
    }

    /// The rate is another by `by` requests per second, and known as well as before. It stays above `least`, or
    /// where it was if that is lower.
    pub(super) fn shift(&mut self, by: f64, least: f64) {
        let rate = (self.get() + by).max(least.min(self.get()));
        self.seconds = self.requests / rate;
    }

    /// What counts as a request is another amount: this number of the new ones is one of the old.
    pub(super) fn rescale(&mut self, factor: f64) {
        self.requests *= factor;
    }

    /// The part by which the rate may be wrong.
    pub(super) fn uncertainty(&self, tuning: &Tuning) -> f64 {
        tuning.rate_error / self.requests
    }

    /// Whether this rate gives `requests` in `seconds`, to the part of one at either end. Of few requests, any rate does.
    pub(super) fn gave(&self, requests: f64, seconds: f64, tuning: &Tuning) -> bool {
        let wrong = (requests - self.get() * seconds).abs();
        requests >= tuning.steady_requests && wrong <= 2.0 * tuning.rate_error
    }

    /// Records that `requests` were accepted in `seconds`. `held`: the highest rate that held since
    /// the last measurement.
    pub(super) fn observe(
        &mut self,
        requests: f64,
        seconds: f64,
        held: Option<f64>,
        tuning: &Tuning,
    ) -> News {
        let requests = requests.max(tuning.min_rate_requests);
        let (old, new) = (self.get(), requests / seconds);
        // The noise of a count, and of its last request.
        let noise = (requests + 1.0).sqrt().recip() + (requests + 1.0).recip();
        if let Some(held) = held.filter(|_| new > old * (1.0 + noise)) {
            // During a climb, the count is too low, and the rate that held may be too high.
            let rate = (held.max(new) * new).sqrt();
            let weight = self.requests.min(tuning.climb_weight * requests);
            let weight = weight
                .max(tuning.min_climb_weight)
                .min(tuning.max_climb_weight);
            *self = Self::new(weight, weight / rate);
            News::Climbed
        } else if (new / old - 1.0).abs() < noise {
            let (requests, seconds) = (self.requests + requests, self.seconds + seconds);
            let keep = (tuning.memory / requests).min(1.0);
            *self = Self::new(requests * keep, seconds * keep);
            News::Confirmed
        } else {
            *self = Self::new(requests, seconds);
            News::Changed
        }
    }
}

/// Whether a rate that held, though a lower one was measured, is tried once more.
///
/// A shallow bucket overflows while the pace climbs from below, and the count is too low. If the
/// rate that held was above the refill, it is refused soon, and the count until then is exact,
/// because nothing overflowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    /// Whether the trial runs: the pace is the rate that held.
    runs: bool,
    /// Whether the bucket is deep, and probably does not overflow.
    deep: bool,
    /// Occasions that pass before the next trial.
    skip: u32,
    /// Occasions that passed before the last one.
    skipped: u32,
}

impl Trial {
    /// For a bucket that held `depth` requests at first.
    pub(super) fn new(depth: f64, tuning: &Tuning) -> Self {
        Self {
            runs: false,
            deep: depth >= tuning.deep_bucket,
            skip: 0,
            skipped: 0,
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.runs
    }

    /// Ends the trial, if it runs: the rate `held`, or failed. Returns whether it failed.
    pub(super) fn end(&mut self, held: bool, tuning: &Tuning) -> bool {
        let failed = self.runs && !held;
        if std::mem::take(&mut self.runs) {
            self.skipped = if failed {
                (2 * self.skipped + 1).min(tuning.max_skipped_trials as u32)
            } else {
                0
            };
            self.skip = self.skipped;
        }
        failed
    }

    /// Starts a trial if `held`, the highest rate that held, is worth it. `spills` if the server's
    /// bucket overflows even if it is deep.
    pub(super) fn begin(
        &mut self,
        held: Option<f64>,
        measured: &Rate,
        spills: bool,
        tuning: &Tuning,
    ) {
        let higher = held.is_some_and(|held| held > tuning.trial_rate * measured.get());
        if higher && (spills || !self.deep) {
            self.runs = self.skip == 0;
            self.skip = self.skip.saturating_sub(1);
        }
    }
}
