//! The pace: how many requests per second.

use super::Tuning;
use super::contention::Contention;
use super::rate::{News, Rate, Trial};

/// A bucket of our own, which mirrors the server's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pacer {
    /// Requests per second, and what was measured.
    rate: f64,
    measured: Rate,
    tokens: f64,
    refilled_at: f64,
    /// The most tokens that are saved up, and whether it was found by a refusal.
    depth: f64,
    depth_known: bool,
    /// The most tokens there were since they ran out, and what was spilled since the last refusal.
    peak: f64,
    spilled: f64,
    step: Step,
    /// Whether the pace holds a request back now.
    holds: bool,
    /// Refusals in a row that came soon, at a rate that was too low to be refused.
    misses: u32,
    trial: Trial,
    contention: Contention,
}

/// The next rise of the rate.
#[derive(Clone, Copy, Debug)]
struct Step {
    at: f64,
    /// The part by which the rate rises.
    size: f64,
    /// The excess that each step may cost, in requests.
    probe_budget: f64,
    /// Requests that the pace held back since the last step.
    held_back: f64,
    /// The rate before the last step, which held; 0 before any.
    held_rate: Option<f64>,
}

/// A moment at which the server's bucket was found empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateSample {
    /// When that was told, and how many seconds before the refused request went.
    pub(super) now: f64,
    pub(super) took: f64,
    /// Requests that have gone since.
    pub(super) behind: f64,
    /// Requests let in since it was found empty before, and the seconds in which they were.
    pub(super) requests: f64,
    pub(super) seconds: f64,
    /// Whether the server let nothing in for a while since then.
    pub(super) shut: bool,
    /// The wait that the server asked for, in seconds.
    pub(super) asked: Option<f64>,
}

impl Pacer {
    /// A pace measured for the first time, and perhaps from below. The bucket held `depth` at first.
    pub(super) fn new(sample: &RateSample, depth: f64, tuning: &Tuning) -> Self {
        let mut pacer = Self {
            rate: 0.0,
            measured: Rate::new(sample.requests, sample.seconds),
            tokens: 0.0,
            refilled_at: sample.now,
            // It may be spent at once again, if the server tells when.
            depth: sample.asked.map_or(1.0, |_| depth.max(1.0)),
            depth_known: false,
            peak: 0.0,
            spilled: 0.0,
            step: Step {
                at: sample.now,
                size: 0.0,
                probe_budget: tuning.probe_budget,
                held_back: 0.0,
                held_rate: None,
            },
            holds: false,
            misses: 0,
            trial: Trial::new(depth, tuning),
            contention: Contention::default(),
        };
        pacer.restart(sample, None, tuning);
        pacer.step.size = tuning.max_step;
        pacer
    }

    /// The first pace in a bucket that holds one, and takes two if they come `spacing` seconds apart. The
    /// rate doubles until one is refused: at once, because nothing is stored.
    pub(super) fn spaced(now: f64, spacing: f64, tuning: &Tuning) -> Self {
        let sample = RateSample {
            now,
            took: 0.0,
            behind: 0.0,
            requests: 1.0,
            seconds: spacing,
            shut: false,
            asked: None,
        };
        let mut pacer = Self::new(&sample, 1.0, tuning);
        pacer.step.size = tuning.spaced_step;
        pacer
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Starts anew from an empty bucket, at the rate that was measured or the one that is tried.
    fn restart(&mut self, sample: &RateSample, tried: Option<f64>, tuning: &Tuning) {
        let rate = self.measured.get().max(tried.unwrap_or(0.0)) * (1.0 - tuning.margin);
        self.rate = rate.min(tuning.max_rate).max(tuning.max_wait.recip());
        self.tokens = 0.0;
        self.refilled_at = sample.now;
        self.peak = 0.0;
        self.spilled = 0.0;
        // A wait in which many tokens flow back is a window's: what it saved up may go at once. A
        // short one leaves a store, which evens out what follows.
        let saved = self.rate * sample.asked.unwrap_or(0.0);
        if !self.depth_known && saved > tuning.window_tokens {
            self.depth = self.depth.max(saved);
        }
        let size = tuning.step.max(self.measured.uncertainty(tuning));
        self.step = Step {
            at: sample.now,
            size: size.min(tuning.max_step),
            probe_budget: self.step.probe_budget,
            held_back: 0.0,
            held_rate: None,
        };
        self.holds = false;
    }

    fn refill(&mut self, now: f64) {
        let tokens = self.tokens + (now - self.refilled_at).max(0.0) * self.rate;
        self.refilled_at = now;
        self.tokens = tokens.min(self.depth);
        self.spilled += tokens - self.tokens;
        self.peak = self.peak.max(self.tokens);
    }

    /// How many may go, and when one may if none may now. `wanted` if one waits.
    pub(super) fn available(&mut self, now: f64, wanted: bool) -> (usize, f64) {
        self.refill(now);
        let left = (self.tokens + 1e-6).max(0.0) as usize;
        if left == 0 {
            self.holds |= wanted;
        }
        (left, now + (1.0 - self.tokens) / self.rate)
    }

    /// Takes a token; whether the rate rises with it. `settled` seconds after a step it is known not
    /// to have been refused, and `rtt` is the time of a round trip.
    pub(super) fn on_send(
        &mut self,
        now: f64,
        refusal_timeout: f64,
        rtt: f64,
        tuning: &Tuning,
    ) -> bool {
        self.refill(now);
        self.tokens -= 1.0;
        if self.tokens < 1.0 {
            self.peak = 1.0;
        }
        if !std::mem::take(&mut self.holds) {
            return false;
        }
        let step = &mut self.step;
        step.held_back += 1.0;
        // A slow pace must not wait for ever: six round trips, or fifteen seconds, are enough for the
        // first step. The others need as many fewer as they are longer, so that a pace that has become
        // far too low, because those it shared with are gone, is soon left behind.
        let first = (step.probe_budget / tuning.step)
            .min(self.rate * (tuning.first_step_rounds * rtt).max(tuning.first_step_seconds));
        let enough = if self.contention.is_shared() {
            self.contention.requests_per_step(rtt, tuning)
        } else {
            let least = if step.size >= 1.0 {
                tuning.min_doubling_requests
            } else {
                tuning.min_step_requests
            };
            (first * tuning.step / step.size).max(least)
        };
        if step.held_back < enough || now - step.at <= refusal_timeout {
            return false;
        }
        step.held_rate = Some(self.rate);
        step.held_back = 0.0;
        step.at = now;
        if self.contention.is_shared() {
            let rate = self.rate + self.contention.next_rise(self.rate, tuning);
            self.rate = rate.min(tuning.max_rate);
            return true;
        }
        // The same for all, so that those who share a limit come to the same share of it.
        let additive_increase = if rtt > 0.0 {
            1.0 / (tuning.additive_increase * rtt)
        } else {
            0.0
        };
        let rise = self.rate * step.size;
        self.rate = (self.rate + rise + additive_increase.min(rise)).min(tuning.max_rate);
        step.size = (step.size * 2.0).min(step.size.max(tuning.max_step));
        true
    }

    /// Whether many have been saved up.
    pub(super) fn has_burst(&self, tuning: &Tuning) -> bool {
        self.tokens >= tuning.burst
    }

    /// Whether refusals keep coming at the rate that was measured: then a rate is not what the
    /// server counts.
    pub(super) fn is_refuted(&self, tuning: &Tuning) -> bool {
        f64::from(self.misses) >= tuning.refuting_misses
    }

    /// The server's bucket is empty: nothing is saved.
    pub(super) fn drain(&mut self, now: f64) {
        self.refill(now);
        self.tokens = self.tokens.min(0.0);
    }

    /// The server's bucket was empty again.
    pub(super) fn measure(&mut self, sample: &RateSample, tuning: &Tuning) {
        // What was saved up when the refused one went.
        let tokens = self.tokens + sample.behind - self.rate * sample.took;
        let depth = self.depth;
        let burst = tokens >= 1.0 || (depth > 1.0 && sample.requests <= depth);
        if burst && !self.contention.is_shared() {
            // The server had saved less than we thought, and that says nothing of the rate.
            let taken = if tokens >= 1.0 {
                (self.peak - tokens - 1.0).min(sample.requests)
            } else {
                sample.requests
            };
            self.depth = taken.min(depth - 1.0).max(1.0);
            self.depth_known = true;
            let tried = self.trial.runs().then_some(self.rate);
            self.restart(sample, tried, tuning);
            return;
        }
        let held = self.step.held_rate;
        // What we spilled while nothing was sent, the server's bucket spilled as well, if it is known to
        // be as shallow, or if that was much.
        let (mut seconds, idle) = (sample.seconds, self.spilled / self.rate);
        if self.depth_known || idle > tuning.spilled_part * seconds {
            seconds = (seconds - idle).max(tuning.min_busy_part * seconds);
        }
        let failed = self.trial.end(held.is_some(), tuning);
        let low = self
            .contention
            .observe(self.rate, held, held.is_none() && !failed, tuning);
        let missed = sample.requests < tuning.early_refusal && low;
        self.misses = if missed {
            self.misses.saturating_add(1)
        } else {
            0
        };
        let news = self
            .measured
            .observe(sample.requests, seconds, held, tuning);
        let probe_budget = tuning.probe_budget;
        self.step.probe_budget = if news == News::Confirmed {
            (2.0 * self.step.probe_budget).min(tuning.max_probe_budget * probe_budget)
        } else {
            probe_budget
        };
        let window = self.rate * sample.asked.unwrap_or(0.0) > tuning.window_tokens;
        self.trial
            .begin(held, &self.measured, sample.shut || window, tuning);
        let tried = held.filter(|_| self.trial.runs());
        let refused = self.rate;
        self.restart(sample, tried, tuning);
        if self.contention.is_shared() {
            // Nothing is tried, nor saved up: what is there is for the others as well.
            self.trial.end(true, tuning);
            (self.depth, self.depth_known) = (1.0, true);
            let rate = self.contention.cut(refused, self.measured.get(), tuning);
            self.rate = rate.min(tuning.max_rate).max(tuning.max_wait.recip());
        }
    }
}

#[cfg(test)]
mod tests;
