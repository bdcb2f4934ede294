//! The pace: how many requests per second.

use super::Constants;

/// A bucket of our own, which mirrors the server's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Requests per second.
    rate: f64,
    /// What `rate` was measured by: so many requests in so many seconds.
    requests: f64,
    seconds: f64,
    tokens: f64,
    refilled_at: f64,
    /// The most tokens that are saved up, and whether it was found by a refusal.
    depth: f64,
    depth_known: bool,
    /// The most tokens there were since they ran out, and what was spilled since the last refusal.
    peak: f64,
    spilled: f64,
    step: Step,
    /// Refusals in a row that came soon, at a rate that was measured and not raised since.
    misses: u8,
    /// How much the pace keeps below what was measured.
    margin: f32,
    trial: Trial,
}

/// Whether a rate that held, though less was measured, is tried once more.
#[derive(Clone, Copy, Debug, Default)]
struct Trial {
    /// Whether that is the rate now.
    runs: bool,
    /// Whether the bucket held many at first, and probably spills nothing.
    deep: bool,
    /// How many more occasions pass before the next, and how many were let pass last.
    skip: u8,
    skipped: u8,
}

/// The next rise of the rate.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// The part by which the rate rises.
    size: f64,
    /// The excess that each step may cost, in requests.
    excess: f64,
    /// Requests that the pace held back since the last step, and whether it holds one now.
    bound: f32,
    holds: bool,
    at: f64,
    /// The rate before the last step, which held; 0 before any.
    held_rate: f64,
}

impl Pace {
    /// A pace measured for the first time, and perhaps from below: `requests` in `seconds`.
    pub(super) fn new(
        requests: f64,
        seconds: f64,
        now: f64,
        asked: Option<f64>,
        depth: f64,
        constants: &Constants,
    ) -> Self {
        let rate = requests / seconds;
        let mut pace = Self {
            rate,
            requests,
            seconds,
            tokens: 0.0,
            refilled_at: now,
            // It may be spent at once again, if the server tells when.
            depth: asked.map_or(1.0, |_| depth.max(1.0)),
            depth_known: false,
            peak: 0.0,
            spilled: 0.0,
            step: Step {
                size: 0.0,
                excess: constants.excess,
                bound: 0.0,
                holds: false,
                at: now,
                held_rate: 0.0,
            },
            misses: 0,
            margin: constants.margin as f32,
            trial: Trial {
                deep: depth >= DEEP,
                ..Trial::default()
            },
        };
        pace.restart(now, asked, 0.0, constants);
        pace.step.size = constants.max_step;
        pace
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Starts anew from an empty bucket, at the rate that was measured.
    fn restart(&mut self, now: f64, asked: Option<f64>, held: f64, constants: &Constants) {
        let measured = (self.requests / self.seconds).max(held) * (1.0 - f64::from(self.margin));
        self.rate = measured.max(constants.max_wait.recip());
        self.tokens = 0.0;
        self.refilled_at = now;
        self.peak = 0.0;
        self.spilled = 0.0;
        // A wait in which many tokens flow back is a window's: what it saved up may go at once. A
        // short one leaves a store, which evens out what follows.
        let saved = self.rate * asked.unwrap_or(0.0);
        if !self.depth_known && saved > WINDOW_TOKENS {
            self.depth = self.depth.max(saved);
        }
        self.step = Step {
            size: constants
                .step
                .max(0.5 / self.requests)
                .min(constants.max_step),
            excess: self.step.excess,
            bound: 0.0,
            holds: false,
            at: now,
            held_rate: 0.0,
        };
    }

    fn refill(&mut self, now: f64) {
        let tokens = self.tokens + (now - self.refilled_at).max(0.0) * self.rate;
        self.refilled_at = now;
        self.tokens = tokens.min(self.depth);
        self.spilled += tokens - self.tokens;
        self.peak = self.peak.max(self.tokens);
    }

    /// How many may go, and when one may if none may now. `wanted` if one waits.
    pub(super) fn left(&mut self, now: f64, wanted: bool) -> (usize, f64) {
        self.refill(now);
        let left = (self.tokens + 1e-6).max(0.0) as usize;
        if left == 0 {
            self.step.holds |= wanted;
        }
        (left, now + (1.0 - self.tokens) / self.rate)
    }

    /// Takes a token; `settled` seconds after a step it is known not to have been refused, and
    /// `rtt` is the time of a round trip.
    pub(super) fn on_send(
        &mut self,
        now: f64,
        settled: f64,
        rtt: f64,
        constants: &Constants,
    ) -> bool {
        self.refill(now);
        self.tokens -= 1.0;
        if self.tokens < 1.0 {
            self.peak = 1.0;
        }
        if !std::mem::take(&mut self.step.holds) {
            return false;
        }
        // The same for all, so that those who share a limit come to the same share of it.
        let bump = if rtt > 0.0 {
            1.0 / (constants.bump * rtt)
        } else {
            0.0
        };
        let step = &mut self.step;
        step.bound += 1.0;
        // A slow pace must not wait for ever: four round trips, or ten seconds, are enough.
        let enough = (step.excess / step.size)
            .min(self.rate * (4.0 * rtt).max(10.0))
            .max(8.0);
        if f64::from(step.bound) >= enough && now - step.at > settled {
            step.held_rate = self.rate;
            let rise = self.rate * step.size;
            self.rate += rise + bump.min(rise);
            step.size = (step.size * 2.0).min(constants.max_step);
            step.bound = 0.0;
            step.at = now;
            return true;
        }
        false
    }

    /// Whether refusals keep coming at the rate that was measured: then a rate is not what the
    /// server counts.
    pub(super) fn is_refuted(&self) -> bool {
        self.misses >= 3
    }

    /// The server's bucket is empty: nothing is saved.
    pub(super) fn empty(&mut self, now: f64) {
        self.refill(now);
        self.tokens = self.tokens.min(0.0);
    }

    /// The server's bucket was empty again after `requests` in `seconds`. The one refused went `took`
    /// seconds ago, and `behind` more have gone since. `shut` if the server let nothing in for a while.
    pub(super) fn measure(
        &mut self,
        requests: f64,
        seconds: f64,
        (took, behind): (f64, f64),
        shut: bool,
        now: f64,
        asked: Option<f64>,
        constants: &Constants,
    ) {
        let mut seconds = seconds;
        // What was saved up when it went, as others may have gone since.
        let tokens = self.tokens + behind - self.rate * took;
        if tokens >= 1.0 || (self.depth > 1.0 && requests <= self.depth) {
            // The server had saved less than we thought, and that says nothing of the rate.
            let took = (self.peak - tokens - 1.0).min(requests);
            self.depth = took.min(self.depth - 1.0).max(1.0);
            self.depth_known = true;
            let held = if self.trial.runs { self.rate } else { 0.0 };
            self.restart(now, asked, held, constants);
            return;
        }
        // What we spilled while nothing was sent, a shallow bucket of the server's spilled as well.
        let spilled = self.spilled;
        if spilled / self.rate > seconds / 2.0 {
            seconds = (seconds - spilled / self.rate).max(seconds / 20.0);
        }
        let trial = std::mem::take(&mut self.trial.runs);
        let failed = trial && self.step.held_rate == 0.0;
        if trial {
            self.trial.skipped = if failed {
                (2 * self.trial.skipped + 1).min(MOST_SKIPPED)
            } else {
                0
            };
            self.trial.skip = self.trial.skipped;
        }
        let missed = requests < 16.0 && self.step.held_rate == 0.0 && !failed;
        // Refused at what was measured: what the server counts is uneven, and wants more room.
        self.margin = if failed {
            self.margin
        } else if self.step.held_rate == 0.0 {
            (2.0 * self.margin).min(8.0 * constants.margin as f32)
        } else {
            (self.margin / 2.0).max(constants.margin as f32)
        };
        self.misses = if missed {
            self.misses.saturating_add(1)
        } else {
            0
        };
        let requests = requests.max(0.5);
        let (old, new) = (self.requests / self.seconds, requests / seconds);
        let noise = (requests + 1.0).sqrt().recip() + (requests + 1.0).recip();
        let climbed = self.step.held_rate > 0.0 && new > old * (1.0 + noise);
        if climbed {
            // From below, the count says too little and the rate that held perhaps too much.
            let rate = (self.step.held_rate.max(new) * new).sqrt();
            self.requests = self
                .requests
                .min(2.0 * requests)
                .clamp(8.0, 16.0_f64.max(2.0 * requests));
            self.seconds = self.requests / rate;
            self.step.excess = constants.excess;
        } else if (new / old - 1.0).abs() < noise {
            self.requests += requests;
            self.seconds += seconds;
            let keep = (constants.memory / self.requests).min(1.0);
            self.requests *= keep;
            self.seconds *= keep;
            self.step.excess = (2.0 * self.step.excess).min(4.0 * constants.excess);
        } else {
            self.requests = requests;
            self.seconds = seconds;
            self.step.excess = constants.excess;
        }
        // A shallow bucket spills what a slow climb leaves in it, and the count says too little. So
        // what held is tried once more: if it was above the refill, the count to the next refusal is
        // exact, because nothing is left to spill.
        let held = self.step.held_rate;
        if held > self.requests / self.seconds * TRIAL
            && (!self.trial.deep || shut || self.rate * asked.unwrap_or(0.0) > WINDOW_TOKENS)
        {
            self.trial.runs = self.trial.skip == 0;
            self.trial.skip = self.trial.skip.saturating_sub(1);
        }
        let held = if self.trial.runs { held } else { 0.0 };
        self.restart(now, asked, held, constants);
    }
}

/// A rate that held is tried if it is so many times the one that was measured.
const TRIAL: f64 = 1.03;

/// A bucket that held so many at first probably spills nothing.
const DEEP: f64 = 4.0;

/// The most occasions that pass between two trials that fail.
const MOST_SKIPPED: u8 = 31;

/// From so many tokens on, what flows back in a wait is taken for a window.
const WINDOW_TOKENS: f64 = 20.0;
