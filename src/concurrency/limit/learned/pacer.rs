//! The pacer: how many requests per second.

mod beside;
mod resume;
mod shift;

use super::Tuning;
use super::contention::Contention;
use super::rate::{News, Rate, Trial};

/// A token bucket that mirrors the server's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pacer {
    /// The pace, in requests per second.
    rate: f64,
    /// The measured rate.
    measured: Rate,
    tokens: f64,
    refilled_at: f64,
    /// The most tokens that are saved up.
    depth: f64,
    /// Whether a refusal showed the depth.
    depth_known: bool,
    /// The most tokens there were since they ran out.
    peak: f64,
    /// Tokens that overflowed since the last refusal.
    spilled: f64,
    step: Step,
    /// Whether the pace holds a request back now.
    holds: bool,
    /// The share of the latest requests that it held back.
    held_share: f64,
    /// Refusals in a row that came early, at a rate that should not have been refused.
    misses: u32,
    trial: Trial,
    contention: Contention,
    /// Whether the pace does not explain its last refusal: it was as measured then. A first one
    /// explains a small number of requests between two refusals only.
    unexplained: bool,
    /// The highest pace that was measured.
    highest: f64,
    /// If it is that of an earlier run, and was not refused since: how many requests the server's bucket held then.
    resumed: Option<f64>,
    /// Whether what is known of the rate is an earlier run's alone.
    unproven: bool,
    /// How much rarer steps are than usual, as a factor: an earlier run has measured the same.
    patience: f64,
}

/// The next rise of the rate.
#[derive(Clone, Copy, Debug)]
struct Step {
    at: f64,
    /// The part by which the rate rises.
    size: f64,
    /// Requests that each step may cost too many.
    probe_budget: f64,
    /// How much rarer the first step of a slow pace is, as a factor: its bucket gave exactly what it gave before.
    calm: f64,
    /// Requests that the pace held back since the last step.
    held_back: f64,
    /// The rate before the last step, which held.
    held_rate: Option<f64>,
}

/// What was accepted between two moments at which the server's bucket was empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateSample {
    /// When the refusal arrived.
    pub(super) now: f64,
    /// Seconds between the refused request and that.
    pub(super) took: f64,
    /// Requests sent after the refused one.
    pub(super) behind: f64,
    /// Requests accepted since the bucket was empty before.
    pub(super) requests: f64,
    /// The seconds in which they were accepted.
    pub(super) seconds: f64,
    /// Whether the server accepted nothing for a while since then.
    pub(super) after_closure: bool,
    /// The wait that the server asked for, in seconds.
    pub(super) asked: Option<f64>,
}

impl Pacer {
    /// A pace measured for the first time, perhaps from below. The bucket held `depth` requests at
    /// first.
    pub(super) fn new(sample: &RateSample, depth: f64, tuning: &Tuning) -> Self {
        let mut pacer = Self {
            rate: 0.0,
            measured: Rate::new(sample.requests, sample.seconds),
            tokens: 0.0,
            refilled_at: sample.now,
            // The store may be spent at once again if the server tells when.
            depth: sample.asked.map_or(1.0, |_| depth.max(1.0)),
            depth_known: false,
            peak: 0.0,
            spilled: 0.0,
            step: Step {
                at: sample.now,
                size: 0.0,
                probe_budget: tuning.probe_budget,
                calm: 0.5,
                held_back: 0.0,
                held_rate: None,
            },
            holds: false,
            held_share: 1.0,
            misses: 0,
            trial: Trial::new(depth, tuning),
            contention: Contention::default(),
            highest: 0.0,
            resumed: None,
            unproven: false,
            patience: 1.0,
            unexplained: sample.requests >= tuning.first_train,
        };
        pacer.restart(sample, None, tuning);
        pacer.step.size = tuning.max_step;
        pacer
    }

    /// The first pace in a bucket of one that accepts two requests `spacing` seconds apart. The
    /// rate doubles until a request is refused, which happens at once, because nothing is stored.
    pub(super) fn spaced(now: f64, spacing: f64, tuning: &Tuning) -> Self {
        let sample = RateSample {
            now,
            took: 0.0,
            behind: 0.0,
            requests: 1.0,
            seconds: spacing,
            after_closure: false,
            asked: None,
        };
        let mut pacer = Self::new(&sample, 1.0, tuning);
        pacer.step.size = tuning.spaced_step;
        pacer
    }

    /// Whether others seem to take from the same bucket.
    pub(super) fn is_shared(&self) -> bool {
        self.contention.is_shared()
    }

    /// Whether its last refusal is one that a bucket of this client alone does not explain.
    pub(super) fn is_unexplained(&self) -> bool {
        self.unexplained || self.is_shared()
    }

    /// Whether it fell far below what once lasted.
    pub(super) fn has_fallen(&self, tuning: &Tuning) -> bool {
        self.rate < tuning.train_fall * self.highest
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Starts anew from an empty bucket, at the measured rate or the one on trial.
    fn restart(&mut self, sample: &RateSample, tried: Option<f64>, tuning: &Tuning) {
        let rate = self.measured.get().max(tried.unwrap_or(0.0)) * (1.0 - tuning.margin);
        self.rate = rate.min(tuning.max_rate).max(tuning.max_wait.recip());
        self.highest = self.highest.max(self.rate);
        self.tokens = 0.0;
        self.refilled_at = sample.now;
        self.peak = 0.0;
        self.spilled = 0.0;
        // A requested wait in which many tokens accumulate is a window's: they may be spent at
        // once. A short one leaves a store, which evens out what follows.
        let saved = self.rate * sample.asked.unwrap_or(0.0);
        if !self.depth_known && saved > tuning.window_tokens {
            self.depth = self.depth.max(saved);
        }
        let size = tuning.step.max(self.measured.uncertainty(tuning));
        self.step = Step {
            at: sample.now,
            size: size.min(tuning.max_step),
            probe_budget: self.step.probe_budget,
            calm: self.step.calm,
            held_back: 0.0,
            held_rate: None,
        };
        self.holds = false;
    }

    /// A rate that is far higher than the pace was accepted right after a refusal.
    pub(super) fn raise(&mut self, now: f64, requests: f64, seconds: f64, tuning: &Tuning) {
        self.measured = Rate::new(requests, seconds);
        self.contention = Contention::default();
        self.misses = 0;
        (self.patience, self.unproven) = (1.0, false);
        let sample = RateSample {
            now,
            took: 0.0,
            behind: 0.0,
            requests,
            seconds,
            after_closure: false,
            asked: None,
        };
        self.restart(&sample, None, tuning);
    }

    /// A request was refused that nothing can be measured by, because the server's bucket filled while
    /// nothing was sent: what held above the measured rate held by that.
    pub(super) fn fall_back(&mut self, sample: &RateSample, tuning: &Tuning) {
        let rate = self.rate;
        self.restart(sample, None, tuning);
        self.rate = self.rate.min(rate);
    }

    fn refill(&mut self, now: f64, tuning: &Tuning) {
        let tokens = self.tokens + (now - self.refilled_at).max(0.0) * self.rate;
        self.refilled_at = now;
        // What flows in between two ticks of a timer may be sent at once.
        let depth = self.depth.max(2.0 * tuning.tick * self.rate);
        self.tokens = tokens.min(depth);
        self.spilled += tokens - self.tokens;
        self.peak = self.peak.max(self.tokens);
    }

    /// Returns how many requests may be sent, and when one may if none may now. `wanted` if one
    /// waits.
    pub(super) fn available(&mut self, now: f64, wanted: bool, tuning: &Tuning) -> (usize, f64) {
        self.refill(now, tuning);
        let left = (self.tokens + 1e-6).max(0.0) as usize;
        if left == 0 {
            self.holds |= wanted;
        }
        (left, now + (1.0 - self.tokens) / self.rate)
    }

    /// A request has to wait for the pace.
    pub(super) fn hold(&mut self) {
        self.holds = true;
    }

    /// Takes a token, and raises the rate if a step is complete. Returns whether it does.
    /// `refusal_timeout` seconds after a step, the step is known not to have been refused; `rtt` is
    /// the round trip.
    pub(super) fn on_send(
        &mut self,
        now: f64,
        refusal_timeout: f64,
        rtt: f64,
        tuning: &Tuning,
    ) -> bool {
        self.on_send_of(now, 1.0, refusal_timeout, rtt, tuning)
    }

    /// The same for a request that takes `tokens`.
    pub(super) fn on_send_of(
        &mut self,
        now: f64,
        tokens: f64,
        refusal_timeout: f64,
        rtt: f64,
        tuning: &Tuning,
    ) -> bool {
        self.refill(now, tuning);
        self.tokens -= tokens;
        if self.tokens < 1.0 {
            self.peak = 1.0;
        }
        let held = std::mem::take(&mut self.holds);
        self.held_share += tuning.held_weight * (f64::from(u8::from(held)) - self.held_share);
        if !held {
            return false;
        }
        let step = &mut self.step;
        step.held_back += tokens;
        // The first step of a slow pace must not take for ever. The later ones need fewer requests
        // in proportion to their size, so that a pace that is far too low, because other clients
        // are gone, is soon left behind.
        let soon = self.rate * (tuning.first_step_rounds * rtt).max(tuning.first_step_seconds);
        let first = (step.probe_budget / tuning.step).min(step.calm.max(1.0) * soon);
        let first = self.patience * first;
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
        // The additive part is the same for all clients, so that shares converge.
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

    /// Whether enough tokens are saved up for a burst.
    pub(super) fn has_burst(&self, tuning: &Tuning) -> bool {
        self.tokens >= tuning.burst
    }

    /// Whether refusals keep coming at the measured rate. Then the server does not count a rate.
    pub(super) fn is_refuted(&self, tuning: &Tuning) -> bool {
        f64::from(self.misses) >= tuning.refuting_misses
    }

    /// The server's bucket is empty, so nothing is saved.
    pub(super) fn drain(&mut self, now: f64, tuning: &Tuning) {
        self.refill(now, tuning);
        self.tokens = self.tokens.min(0.0);
    }

    /// A train was sent whatever the pace allows. What it took is not owed.
    pub(super) fn restore(&mut self, now: f64) {
        self.tokens = 0.0;
        self.refilled_at = now;
    }

    /// Measures the rate when the server's bucket was empty again. Returns whether it gave exactly what it gave before.
    pub(super) fn measure(&mut self, sample: &RateSample, tuning: &Tuning) -> bool {
        // The tokens that were saved up when the refused request was sent.
        let tokens = self.tokens + sample.behind - self.rate * sample.took;
        let depth = self.depth;
        let burst = tokens >= 1.0 || (depth > 1.0 && sample.requests <= depth);
        if burst && !self.contention.is_shared() {
            // The server's bucket is less deep than assumed, and that says nothing of the rate.
            let taken = if tokens >= 1.0 {
                (self.peak - tokens - 1.0).min(sample.requests)
            } else {
                sample.requests
            };
            self.depth = taken.min(depth - 1.0).max(1.0);
            self.depth_known = true;
            let tried = self.trial.runs().then_some(self.rate);
            self.restart(sample, tried, tuning);
            return false;
        }
        let held = self.step.held_rate;
        // Time in which this bucket overflowed is excluded if the server's bucket is known to be as
        // shallow, or if that was much of the time: it overflowed too.
        let (mut seconds, idle) = (sample.seconds, self.spilled / self.rate);
        if self.depth_known || idle > tuning.spilled_part * seconds {
            seconds = (seconds - idle).max(tuning.min_busy_part * seconds);
        }
        let failed = self.trial.end(held.is_some(), tuning);
        self.unexplained = held.is_none() && !failed;
        let steady = self.measured.gave(sample.requests, seconds, tuning);
        let low = self
            .contention
            .observe(self.rate, held, (self.unexplained, steady), tuning);
        let missed = sample.requests < tuning.early_refusal && low;
        self.misses = if missed {
            self.misses.saturating_add(1)
        } else {
            0
        };
        let news = self.observe(sample.requests, seconds, held, tuning);
        let probe_budget = tuning.probe_budget;
        self.step.probe_budget = if news == News::Confirmed {
            (2.0 * self.step.probe_budget).min(tuning.max_probe_budget * probe_budget)
        } else {
            probe_budget
        };
        let window = self.rate * sample.asked.unwrap_or(0.0) > tuning.window_tokens;
        self.trial
            .begin(held, &self.measured, sample.after_closure || window, tuning);
        let tried = held.filter(|_| self.trial.runs());
        let refused = self.rate;
        self.restart(sample, tried, tuning);
        if self.contention.is_shared() {
            // No trial and no store: what is left is for the other clients as well.
            self.trial.end(true, tuning);
            (self.depth, self.depth_known) = (1.0, true);
            let rate = self.contention.cut(refused, self.measured.get(), tuning);
            self.rate = rate.min(tuning.max_rate).max(tuning.max_wait.recip());
        }
        steady
    }
}

#[cfg(test)]
mod tests;
