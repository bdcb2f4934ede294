//! A pace that an earlier run has found.

use super::{Pacer, RateSample, Tuning};
use crate::concurrency::learnt::Rate;
use crate::concurrency::limit::learned::rate::{News, Rate as Measured};
use crate::hint::Dimension;

/// How many requests a pace of an earlier run counts as measured by: it soon gives way to what is measured now.
const WEIGHT: f64 = 16.0;

/// By how much the first refusal must differ from what an earlier run has measured to replace it, as a factor: what
/// the bucket had saved up is known only roughly.
const ANOTHER: f64 = 1.25;

/// How many requests must have flowed into the bucket until the first refusal to measure by it, as measured then or
/// before.
const FLOWN: f64 = 4.0;

/// How far a slow pace must have risen until it is refused for the first time to rise again as fast, as a factor, if
/// the bucket is said to have stored more than was accepted. It hardly pays for that, so what an earlier run has found
/// may be of another server.
const FAR: f64 = 4.0;

/// How much rarer steps are while a pace is refused where an earlier run has measured it.
const PATIENCE: f64 = 2.0;

impl Pacer {
    /// The pace that held, and what was measured. `depth`: how many requests the server's bucket held at first.
    pub(in super::super) fn found(&self, depth: f64, tuning: &Tuning) -> Option<Rate> {
        let held = self.step.held_rate.unwrap_or(self.rate);
        let rate = Rate::new(Dimension::Requests, held.min(tuning.max_rate))?;
        Some(rate.with_measured(self.measured()).with_depth(depth))
    }

    /// The rate that was measured.
    pub(in super::super) fn measured(&self) -> f64 {
        self.measured.get()
    }

    /// Begins with what an earlier run has found. It rises at once and in long steps until it is refused; one that is so
    /// slow that it could hold everybody up doubles.
    pub(in super::super) fn resumed(now: f64, rate: &Rate, tuning: &Tuning) -> Self {
        // A pace that rose far held because the server takes more than was measured. Less is a step under way.
        let measured = if rate.per_second() > ANOTHER * rate.measured() {
            rate.per_second()
        } else {
            rate.measured()
        };
        let sample = RateSample {
            requests: WEIGHT,
            seconds: WEIGHT / measured,
            ..nothing(now)
        };
        let mut pacer = Self::new(&sample, rate.depth(), tuning);
        if pacer.is_slow(tuning) {
            pacer.step.size = tuning.spaced_step;
        }
        pacer.step.probe_budget = tuning.max_probe_budget * tuning.probe_budget;
        pacer.unexplained = false;
        pacer.resumed = Some(rate.depth());
        pacer.unproven = true;
        pacer.patience = PATIENCE;
        pacer
    }

    /// Whether a step takes longer than it should.
    fn is_slow(&self, tuning: &Tuning) -> bool {
        self.rate * tuning.first_step_seconds < tuning.min_step_requests
    }

    pub(in super::super) fn is_resumed(&self) -> bool {
        self.resumed.is_some()
    }

    /// Whether what an earlier run has measured still holds.
    pub(in super::super) fn relies_on_record(&self) -> bool {
        self.patience > 1.0
    }

    /// It was refused for the first time, after `requests` were accepted in `seconds`: back to what was measured before,
    /// unless that is clearly more or less than flowed in beside what the bucket held. Returns whether it is another.
    pub(in super::super) fn refuse_resumed(
        &mut self,
        now: f64,
        (requests, seconds): (f64, f64),
        tuning: &Tuning,
    ) -> bool {
        let Some(depth) = self.resumed.take() else {
            return false;
        };
        let expected = self.measured() * seconds.max(tuning.min_seconds);
        let flown = (requests - depth).max(expected / 2.0);
        let factor = flown / expected;
        let another =
            flown.max(expected) >= FLOWN && !(ANOTHER.recip()..=ANOTHER).contains(&factor);
        let (sample, refused_at) = (nothing(now), self.rate);
        if another {
            self.measured = Measured::new(flown, seconds.max(tuning.min_seconds));
            (self.patience, self.unproven) = (1.0, false);
            self.restart(&sample, None, tuning);
        } else {
            self.fall_back(&sample, tuning);
        }
        // By what is said to have been stored, hardly anything flowed in.
        let uncounted = factor < ANOTHER.recip();
        if self.is_slow(tuning) && uncounted && refused_at > FAR * self.rate {
            self.step.size = tuning.spaced_step;
        } else if self.is_slow(tuning) || (another && factor > 1.0) {
            // It may be known only from below.
            self.step.size = tuning.max_step;
        }
        // Nothing was measured between two refusals: that it is refused again is no sign of others.
        self.step.held_rate = Some(self.rate);
        another
    }

    /// Takes in that `requests` were accepted in `seconds`. `held`: the highest rate that held since the last
    /// measurement.
    ///
    /// If the first one of this run is far less than an earlier run has measured, that is past, however small the number
    /// of requests.
    pub(super) fn observe(
        &mut self,
        requests: f64,
        seconds: f64,
        held: Option<f64>,
        tuning: &Tuning,
    ) -> News {
        let counted = requests.max(tuning.min_rate_requests);
        if std::mem::take(&mut self.unproven) && ANOTHER * counted < self.measured() * seconds {
            self.measured = Measured::new(counted, seconds);
            self.patience = 1.0;
        }
        let news = self.measured.observe(requests, seconds, held, tuning);
        if news != News::Confirmed {
            self.patience = 1.0;
        }
        news
    }
}

/// A measurement of nothing.
fn nothing(now: f64) -> RateSample {
    RateSample {
        now,
        took: 0.0,
        behind: 0.0,
        requests: 0.0,
        seconds: 0.0,
        after_closure: false,
        asked: None,
    }
}
