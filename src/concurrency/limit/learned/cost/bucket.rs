//! A mirror of a bucket that the server tells of.

use super::rates::RateBounds;
use super::unit::fits;

/// What the server's bucket holds, as far as it told, and what was charged since.
#[derive(Clone, Copy, Debug)]
pub(super) struct CostBucket {
    level: f64,
    /// When it held that.
    at: f64,
    capacity: f64,
    rate: RateBounds,
    /// What overflowed.
    spilled: f64,
}

impl CostBucket {
    pub(super) fn new(now: f64, level: f64, capacity: f64, rate: RateBounds) -> Self {
        Self {
            level: level.min(capacity),
            at: now,
            capacity,
            rate,
            spilled: 0.0,
        }
    }

    /// Seconds in which it was full.
    pub(super) fn full_seconds(&self) -> f64 {
        self.spilled / self.rate().max(f64::MIN_POSITIVE)
    }

    pub(super) fn capacity(&self) -> f64 {
        self.capacity
    }

    /// Units per second.
    pub(super) fn rate(&self) -> f64 {
        self.rate.rate().unwrap_or(0.0)
    }

    /// Takes in what another answer tells of the refill.
    pub(super) fn refine(&mut self, now: f64, capacity: f64, rate: RateBounds) {
        self.refill(now);
        self.rate = self.rate.and(rate);
        if capacity != self.capacity {
            self.capacity = capacity;
            self.level = self.level.min(capacity);
        }
    }

    /// Sets the refill from now on.
    pub(super) fn set_rate(&mut self, now: f64, rate: RateBounds) {
        self.refill(now);
        self.rate = rate;
    }

    /// What it holds.
    pub(super) fn level(&mut self, now: f64) -> f64 {
        self.refill(now);
        self.level
    }

    fn refill(&mut self, now: f64) {
        let flown = self.rate() * (now - self.at).max(0.0);
        let level = self.level + flown;
        self.level = level.min(self.capacity);
        self.spilled += level - self.level;
        self.at = self.at.max(now);
    }

    /// Adds what was found to be there, or was given back; takes it if that is negative. Returns by how much the level
    /// changed.
    pub(super) fn add(&mut self, now: f64, units: f64) -> f64 {
        let before = self.level(now);
        self.level = (self.level + units).min(self.capacity);
        self.level - before
    }

    /// How many requests of this `need` may go, beside what is `held` for others; or when one may. What exceeds
    /// the bucket goes when it is full.
    pub(super) fn available(&mut self, now: f64, need: f64, held: f64) -> Result<usize, f64> {
        let (level, need) = (self.level(now) - held, need.min(self.capacity));
        fits(level, need).ok_or_else(|| {
            let rate = self.rate().max(f64::MIN_POSITIVE);
            now + (need - level) / rate
        })
    }
}
