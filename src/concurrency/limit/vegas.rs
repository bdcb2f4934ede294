//! Vegas: keeps a few requests queued at the server.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::level::{Level, is_for_good};
use super::{Headroom, Limit, Load, Now, Outcome, Reason, Reasons, Sent};
use crate::random;

/// The queue that is sought is between 3 and 6 requests, for each power of ten of the limit.
const ALPHA: f64 = 3.0;
const BETA: f64 = 6.0;
/// After 15 to 30 times the limit in answers, the latency without load is measured anew.
const PROBE: f64 = 30.0;

/// Estimates from latency how many requests queue at the server, and keeps that number small.
///
/// The rule of TCP Vegas (Brakmo and Peterson 1995) as Netflix's concurrency-limits has it. With
/// `lg` the larger of 1 and the decimal logarithm of the limit, rounded down, and a queue of
/// `limit * (1 - least latency / latency)`: up to `lg` queued, the limit grows by `6 lg`; below
/// `3 lg`, by `lg`; above `6 lg` it shrinks by `lg`, and by `lg` for every refusal. The least latency
/// is forgotten every 15 to 30 times the limit in answers. Answers to requests sent when less than
/// half of the limit was in use change nothing, and the latency is that of the answer's head.
///
/// For servers that slow down under load. It misreads those whose latency follows the size of the
/// answer, as that of language models does, and is slow to mind refusals.
#[derive(Clone, Debug)]
pub struct Vegas {
    level: Level,
    least: Option<Duration>,
    answers: f64,
    probe_after: f64,
    random: SmallRng,
}

impl Vegas {
    /// Starts at 4, within 1 and 1000.
    #[must_use]
    pub fn new() -> Self {
        Self {
            level: Level::default(),
            least: None,
            answers: 0.0,
            probe_after: PROBE,
            random: random::stream(),
        }
    }

    /// The unit of every step.
    fn unit(&self) -> f64 {
        self.level.value().log10().floor().max(1.0)
    }

    fn on_latency(&mut self, latency: Duration, sent: &Sent) {
        let limit = self.level.value();
        self.answers += 1.0;
        if self.answers >= self.probe_after * limit {
            self.answers = 0.0;
            self.probe_after = PROBE * (0.5 + 0.5 * self.random.random::<f64>());
            self.least = Some(latency);
            return;
        }
        let least = match self.least {
            Some(least) if least <= latency => least,
            _ => {
                self.least = Some(latency);
                return;
            }
        };
        if !self.level.was_used(sent) {
            return;
        }
        let unit = self.unit();
        let queue = (limit * (1.0 - least.div_duration_f64(latency))).ceil();
        if queue <= unit {
            self.level
                .change(limit + BETA * unit, Reason::LatencySteady);
        } else if queue < ALPHA * unit {
            self.level.change(limit + unit, Reason::LatencySteady);
        } else if queue > BETA * unit {
            self.level.change(limit - unit, Reason::Latency);
        }
    }
}

impl Default for Vegas {
    fn default() -> Self {
        Self::new()
    }
}

impl Limit for Vegas {
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
                    self.on_latency(latency, sent);
                }
            }
            Outcome::Refused { hint, .. } if !is_for_good(hint) => {
                self.level
                    .change(self.level.value() - self.unit(), Reason::Refused);
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
        (self.least, self.answers) = (None, 0.0);
        self.set_limit(initial);
    }

    fn set_bounds(&mut self, min: usize, max: usize) {
        self.level.set_bounds(min, max);
    }

    fn set_seed(&mut self, seed: u64) {
        self.random = SmallRng::seed_from_u64(seed);
    }
}
