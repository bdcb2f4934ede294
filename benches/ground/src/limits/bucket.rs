use crate::schedule::Schedule;

use super::{Quota, Unit};

/// A token bucket, full at first.
#[derive(Clone, Debug)]
pub struct Bucket {
    per_minute: Schedule,
    burst: f64,
    unit: Unit,
    tokens: f64,
    filled_at: f64,
}

impl Bucket {
    pub fn new(per_minute: Schedule, burst: f64, unit: Unit) -> Self {
        Self {
            per_minute,
            burst,
            unit,
            tokens: burst,
            filled_at: 0.0,
        }
    }

    fn fill(&mut self, now: f64) {
        let gained = self.per_minute.integral(self.filled_at, now) / 60.0;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.filled_at = now;
    }

    /// Seconds until the cost is there, at the present rate.
    pub fn wait(&mut self, now: f64, cost: u32) -> f64 {
        self.fill(now);
        // A request dearer than the bucket is taken when the bucket is full.
        let missing = self.unit.of(cost).min(self.burst) - self.tokens;
        // Sums of refills are inexact: what is missing by a rounding error is there.
        if missing <= 1e-6 {
            0.0
        } else {
            missing * 60.0 / self.per_minute.at(now)
        }
    }

    pub fn take(&mut self, now: f64, cost: u32) {
        self.fill(now);
        self.tokens -= self.unit.of(cost);
    }

    pub fn quota(&mut self, now: f64) -> Quota {
        self.fill(now);
        let rate = self.per_minute.at(now) / 60.0;
        Quota {
            unit: self.unit,
            limit: self.burst,
            remaining: self.tokens.max(0.0),
            reset: (self.burst - self.tokens) / rate,
            window: 60.0,
        }
    }
}
