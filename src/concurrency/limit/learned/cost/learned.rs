//! The refill of a bucket of tokens that nothing tells of, as refusals show it.

use super::super::Tuning;
use super::super::pacer::{Pacer, RateSample};
use super::attempts::{Attempts, Explained};

/// By how much better the cost must explain the refusals than the number of requests does.
const CLEARLY: f64 = 0.1;

/// The part of the uncertainty about who is refused that the cost must take away, of fewer than [`SOME`] refusals and
/// of more: where costs change, no one threshold tells them all.
const EXPLAINED: (f64, f64) = (0.4, 0.2);

/// This number of refusals shows little by chance.
const SOME: usize = 6;

/// A wait this many times as long as a bucket needs for the dearest request is that for a window.
const WINDOW: f64 = 4.0;

/// Mean costs that were spent or must have flowed in a measurement, at least.
const LEAST: f64 = 3.0;

/// A rate in units of the cost. The pacer counts mean costs, so that its numbers mean what they do for requests.
#[derive(Clone, Debug)]
pub(super) struct LearnedRate {
    pacer: Pacer,
    /// The mean cost when the rate was first measured.
    mean: f64,
    /// The last refusal.
    last: u64,
    /// Whether the last refusal came too soon to measure anything.
    excused: bool,
}

/// A refusal that may show the rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) now: f64,
    pub(crate) seq: u64,
    /// The number of the next request.
    pub(crate) next: u64,
    /// The wait that was asked for, in seconds.
    pub(crate) asked: Option<f64>,
}

impl LearnedRate {
    /// Measures a first rate, if the cost explains the refusals.
    pub(super) fn new(
        shown: Shown,
        attempts: &Attempts,
        mean: f64,
        tuning: &Tuning,
    ) -> Option<Self> {
        let explained = attempts.explained()?;
        let least = if attempts.refused() < SOME {
            EXPLAINED.0
        } else {
            EXPLAINED.1
        };
        if explained.by_cost < least.max(explained.by_requests + CLEARLY) {
            return None;
        }
        let first = attempts.first_refused()?;
        let sample = sample(shown, first, attempts, mean, tuning)?;
        (sample.requests >= tuning.min_sample_requests).then(|| Self {
            pacer: Pacer::new(&sample, 1.0, tuning),
            mean,
            last: shown.seq,
            excused: false,
        })
    }

    /// The pace, in units per second.
    pub(super) fn rate(&self) -> f64 {
        self.pacer.rate() * self.mean
    }

    /// Whether the server asks for a wait that no such bucket needs.
    pub(super) fn is_window(&self, shown: Shown, dearest: f64) -> bool {
        let needs = 2.0 + WINDOW * dearest / self.rate();
        shown.asked.is_some_and(|asked| asked > needs)
    }

    /// Whether refusals keep coming at the measured rate, and the cost explains them no better than their number.
    pub(super) fn is_refuted(&self, attempts: &Attempts, tuning: &Tuning) -> bool {
        let by_cost = |explained: Explained| explained.by_cost > explained.by_requests;
        self.pacer.is_refuted(tuning) && !attempts.explained().is_some_and(by_cost)
    }

    /// The bucket was empty again.
    pub(super) fn measure(&mut self, shown: Shown, attempts: &Attempts, tuning: &Tuning) {
        let Some(sample) = sample(shown, self.last, attempts, self.mean, tuning) else {
            self.last = shown.seq;
            return;
        };
        // What was there at both ends is known to a mean cost: less than that measures nothing. Twice in a row it does.
        let is_enough = sample.requests.max(self.pacer.rate() * sample.seconds) >= LEAST;
        if is_enough || std::mem::take(&mut self.excused) {
            self.last = shown.seq;
            self.pacer.measure(&sample, tuning);
        } else {
            self.excused = true;
        }
    }

    /// Somebody waits for it.
    pub(super) fn hold(&mut self) {
        self.pacer.hold();
    }

    /// A request is sent that costs this.
    pub(super) fn on_send(&mut self, now: f64, cost: f64, times: (f64, f64), tuning: &Tuning) {
        let (refusal_timeout, rtt) = times;
        self.pacer
            .on_send_of(now, cost / self.mean, refusal_timeout, rtt, tuning);
    }
}

/// What was accepted between two refusals, in mean costs. At each of them half of what the request cost was there.
fn sample(
    shown: Shown,
    last: u64,
    attempts: &Attempts,
    mean: f64,
    tuning: &Tuning,
) -> Option<RateSample> {
    let ((began, before), (ended, cost)) = (attempts.get(last)?, attempts.get(shown.seq)?);
    let spent = attempts.accepted_between(last, shown.seq) + (cost - before) / 2.0;
    Some(RateSample {
        now: shown.now,
        took: shown.now - ended,
        behind: attempts.accepted_between(shown.seq, shown.next) / mean,
        requests: spent / mean,
        seconds: (ended - began).max(tuning.min_seconds),
        after_closure: false,
        asked: None,
    })
}
