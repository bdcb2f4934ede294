//! The refill of a bucket of tokens that nothing tells of, as refusals show it.

use super::super::Tuning;
use super::super::pacer::{Pacer, RateSample};
use super::attempts::{Attempts, Explained};
use super::unit::Unit;

/// A rate in units of the cost. The pacer counts mean costs, so that its numbers mean what they do for requests.
#[derive(Clone, Debug)]
pub(super) struct LearnedRate {
    pacer: Pacer,
    unit: Unit,
    /// The mean cost that it counts.
    mean: f64,
    /// The last refusal.
    last: u64,
    /// Whether the last refusal came too soon to measure anything.
    excused: bool,
}

/// A refusal that may show a rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) now: f64,
    pub(crate) seq: u64,
    /// The number of the next request.
    pub(crate) next: u64,
    /// The wait that was asked for, in seconds.
    pub(crate) asked: Option<f64>,
    /// The share of the latest requests that the pace of requests held back, if there is one.
    pub(crate) paced: Option<f64>,
    /// Whether that pace was refused although it should not have been, as if others shared it.
    pub(crate) shared: bool,
}

impl LearnedRate {
    /// Measures a first rate.
    pub(super) fn new(
        shown: Shown,
        attempts: &Attempts,
        unit: Unit,
        mean: f64,
        tuning: &Tuning,
    ) -> Option<Self> {
        let first = attempts.first_refused()?;
        let sample = sample(shown, first, attempts, (unit, mean), tuning)?;
        (sample.requests >= tuning.min_sample_requests).then(|| Self {
            // A bucket of tokens holds more than one of the dearest: what is uneven does not overflow.
            pacer: Pacer::new(&sample, tuning.deep_bucket, tuning),
            unit,
            mean,
            last: shown.seq,
            excused: false,
        })
    }

    /// The pace, in units per second.
    pub(super) fn rate(&self) -> f64 {
        self.pacer.rate() * self.mean
    }

    /// The share of the latest requests that it held back.
    pub(super) fn held_share(&self) -> f64 {
        self.pacer.held_share()
    }

    /// Whether the server asks for a wait that no such bucket needs.
    pub(super) fn is_window(&self, shown: Shown, dearest: f64, tuning: &Tuning) -> bool {
        let needs = tuning.short_wait + tuning.cost_window_wait * dearest / self.rate();
        shown.asked.is_some_and(|asked| asked > needs)
    }

    /// Whether refusals keep coming at the measured rate, and the cost explains them no better than their number, or far
    /// worse.
    pub(super) fn is_refuted(&self, attempts: &Attempts, tuning: &Tuning) -> bool {
        let Some(Explained {
            by_requests,
            by_cost,
        }) = attempts.explained(self.unit)
        else {
            return self.pacer.is_refuted(tuning);
        };
        let least = tuning.cost_explained.max(by_cost + tuning.cost_clearly);
        by_requests >= least || (self.pacer.is_refuted(tuning) && by_cost <= by_requests)
    }

    /// The bucket was empty again.
    ///
    /// Its mirror was full for a number of seconds meanwhile.
    pub(super) fn measure(
        &mut self,
        shown: Shown,
        attempts: &Attempts,
        full_seconds: f64,
        tuning: &Tuning,
    ) {
        let counted = (self.unit, self.mean);
        let Some(sample) = sample(shown, self.last, attempts, counted, tuning) else {
            self.last = shown.seq;
            return;
        };
        self.pacer.ignore_spilled();
        if full_seconds > tuning.max_idle_part * sample.seconds {
            // Something else bound meanwhile. The bucket filled, and how deep it is nobody knows.
            self.last = shown.seq;
            self.pacer.fall_back(&sample, tuning);
            return;
        }
        // What was there at both ends is known to a mean cost: less than that measures nothing. Twice in a row it does.
        let flown = sample.requests.max(self.pacer.rate() * sample.seconds);
        if flown >= tuning.cost_sample || std::mem::take(&mut self.excused) {
            self.last = shown.seq;
            let steady = self.pacer.measure(&sample, tuning);
            self.pacer.be_calm(steady, tuning);
        } else {
            self.excused = true;
        }
    }

    /// Somebody waits for it.
    pub(super) fn hold(&mut self) {
        self.pacer.hold();
    }

    /// A request is sent that costs this. The latest cost `mean` each.
    pub(super) fn on_send(
        &mut self,
        now: f64,
        cost: f64,
        mean: f64,
        times: (f64, f64),
        tuning: &Tuning,
    ) {
        if mean > 0.0 {
            self.pacer.rescale(self.mean / mean);
            self.mean = mean;
        }
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
    (unit, mean): (Unit, f64),
    tuning: &Tuning,
) -> Option<RateSample> {
    let ((began, before), (ended, cost)) = (attempts.get(last)?, attempts.get(shown.seq)?);
    let (before, cost) = (unit.of(before), unit.of(cost));
    let spent = attempts.accepted_between(last, shown.seq, unit) + (cost - before) / 2.0;
    Some(RateSample {
        now: shown.now,
        took: shown.now - ended,
        behind: attempts.accepted_between(shown.seq, shown.next, unit) / mean,
        requests: spent / mean,
        seconds: (ended - began).max(tuning.min_seconds),
        after_closure: false,
        asked: None,
    })
}
