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
    /// A bucket of requests, which gains a number of them in each second.
    pub fn new(per_second: f64, burst: f64) -> Self {
        Self::of(Schedule::always(60.0 * per_second), burst, Unit::Requests)
    }

    pub(super) fn of(per_minute: Schedule, burst: f64, unit: Unit) -> Self {
        Self {
            per_minute,
            burst,
            unit,
            tokens: burst,
            filled_at: 0.0,
        }
    }

    pub(super) fn unit(&self) -> Unit {
        self.unit
    }

    fn fill(&mut self, now: f64) {
        let gained = self.per_minute.integral(self.filled_at, now) / 60.0;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.filled_at = now;
    }

    /// What is in it.
    pub fn tokens(&mut self, now: f64) -> f64 {
        self.fill(now);
        self.tokens
    }

    /// Seconds until a request is taken.
    pub fn wait(&mut self, now: f64) -> f64 {
        self.wait_for(now, 1)
    }

    /// Seconds until the cost is there, at the present rate.
    pub(super) fn wait_for(&mut self, now: f64, cost: u32) -> f64 {
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

    /// Takes a request, if there is room.
    pub fn take(&mut self, now: f64) -> bool {
        let taken = self.wait(now) <= 0.0;
        if taken {
            self.count(now, 1);
        }
        taken
    }

    pub(super) fn count(&mut self, now: f64, cost: u32) {
        self.fill(now);
        self.tokens -= self.unit.of(cost);
    }

    /// What could be told of it.
    pub fn quota(&mut self, now: f64) -> Quota {
        self.fill(now);
        let rate = self.per_minute.at(now) / 60.0;
        Quota {
            unit: self.unit,
            limit: self.burst,
            remaining: self.tokens.max(0.0),
            reset: (self.burst - self.tokens) / rate,
            window: self.burst / rate,
            per_second: Some(rate),
        }
    }
}
