//! Gradient2: follows the ratio of long-term to present latency.

use super::level::Level;
use super::{Headroom, Limit, Load, Now, Outcome, Reason, Reasons, Sent};

/// How many answers the long-term latency averages over, and how many it starts with.
const WINDOW: f64 = 600.0;
const WARM_UP: f64 = 10.0;
/// Latency may be this much above its average before the limit shrinks.
const TOLERANCE: f64 = 1.5;
/// The queue at the server that is always allowed for.
const QUEUE: f64 = 4.0;
/// How much of each new estimate is taken over.
const SMOOTHING: f64 = 0.2;
/// What is left after a refusal.
const CUT: f64 = 0.9;

/// Compares each latency with its long-term average, and shrinks as it rises above.
///
/// The rule of Netflix's concurrency-limits: with a `gradient` of `1.5 * average / latency`, kept
/// within 0.5 and 1, the limit moves by a fifth of the way to `limit * gradient + 4`. The average is
/// exponential over 600 answers, starts with the mean of ten, and is lowered by a twentieth with each
/// answer that took less than half of it. Answers to requests sent when less than half of the limit
/// was in use change nothing but the average; the latency is that of the answer's head. The published
/// rule ignores refusals; here the first of each event also cuts the limit to 0.9.
///
/// For servers that slow down under load. It misreads those whose latency follows the size of the
/// answer, as that of language models does.
#[derive(Clone, Debug, Default)]
pub struct Gradient2 {
    level: Level,
    /// In seconds.
    average: f64,
    answers: f64,
}

impl Gradient2 {
    /// Starts at 4, within 1 and 1000.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn on_latency(&mut self, latency: f64, sent: &Sent) {
        self.answers += 1.0;
        let weight = if self.answers <= WARM_UP {
            1.0 / self.answers
        } else {
            2.0 / (WINDOW + 1.0)
        };
        self.average += (latency - self.average) * weight;
        if self.average > 2.0 * latency {
            self.average *= 0.95;
        }
        if !self.level.was_used(sent) {
            return;
        }
        let limit = self.level.value();
        let gradient = (TOLERANCE * self.average / latency).clamp(0.5, 1.0);
        let estimate = limit * gradient + QUEUE;
        let why = if estimate < limit {
            Reason::Latency
        } else {
            Reason::LatencySteady
        };
        self.level
            .change(limit + (estimate - limit) * SMOOTHING, why);
    }
}

impl Limit for Gradient2 {
    fn headroom(&mut self, _: &Now, load: Load) -> Headroom {
        self.level.headroom(load)
    }

    fn on_send(&mut self, _: &Now, sent: &Sent, _: Load) {
        self.level.on_send(sent);
    }

    fn on_outcome(&mut self, now: &Now, sent: &Sent, outcome: Outcome<'_>, _: Load) {
        match outcome {
            Outcome::Accepted(_) => {
                let latency = sent.latency(now).unwrap_or_default();
                if !latency.is_zero() {
                    self.on_latency(latency.as_secs_f64(), sent);
                }
            }
            Outcome::Refused { hint, .. } if self.level.begin_event(sent, hint) => {
                self.level.change(self.level.value() * CUT, Reason::Refused);
            }
            _ => {}
        }
    }

    fn limit(&self) -> usize {
        self.level.get()
    }

    fn reasons(&self) -> Reasons {
        self.level.reasons()
    }

    fn set_limit(&mut self, limit: usize) {
        self.level.set(limit as f64);
    }

    fn forget(&mut self, _: &Now, initial: usize) {
        (self.average, self.answers) = (0.0, 0.0);
        self.set_limit(initial);
    }

    fn set_bounds(&mut self, min: usize, max: usize) {
        self.level.set_bounds(min, max);
    }
}
