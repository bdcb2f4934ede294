//! The rate at which a server's bucket fills, as it was measured.

use super::Tuning;

/// So many requests in so many seconds, between moments at which the server had nothing left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    requests: f64,
    seconds: f64,
}

/// How a measurement compares with those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It is the same, within its noise.
    Confirmed,
    /// It is higher, after a climb.
    Climbed,
    /// It is another.
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

    /// The part by which it may be wrong, for half a request.
    pub(super) fn uncertainty(&self, tuning: &Tuning) -> f64 {
        tuning.rate_error / self.requests
    }

    /// Takes in that there were `requests` in `seconds`; `held` is the highest rate that held since
    /// the last measurement, or 0.
    pub(super) fn observe(
        &mut self,
        requests: f64,
        seconds: f64,
        held: Option<f64>,
        tuning: &Tuning,
    ) -> News {
        let requests = requests.max(tuning.min_rate_requests);
        let (old, new) = (self.get(), requests / seconds);
        // Of a count, and of its last request.
        let noise = (requests + 1.0).sqrt().recip() + (requests + 1.0).recip();
        if let Some(held) = held.filter(|_| new > old * (1.0 + noise)) {
            // From below, the count says too little and the rate that held perhaps too much.
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

/// Whether a rate that held, though less was measured, is tried once more.
///
/// A shallow bucket spills what a climb from below leaves in it, and the count says too little. If
/// what held was above the refill, it is refused soon, and the count until then is exact, because
/// nothing was left to spill.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    /// Whether that is the rate now.
    runs: bool,
    deep: bool,
    /// How many more occasions pass before the next, and how many were let pass last.
    skip: u32,
    skipped: u32,
}

impl Trial {
    /// For a bucket that held `depth` at first.
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

    /// Ends one, if it runs: the rate `held`, or failed. Whether it failed.
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

    /// Begins one, if `held` is worth it, the highest rate that held. `spills` if the server does so
    /// even with a deep bucket.
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
