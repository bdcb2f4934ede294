//! A bound on how much of the traffic may be retries.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A token bucket that every retry takes one token from.
///
/// A limit of attempts bounds what one request costs an overloaded server; it does not bound what
/// all of them cost together, which is the traffic times the attempts. A budget does: each request
/// that is served puts a fraction of a token back, so while little is served, little is retried.
///
/// Off by default: behind the gate of an
/// [`AdaptiveConcurrencyLayer`](crate::AdaptiveConcurrencyLayer) retries are paced already, and a
/// batch would rather wait than lose jobs. Clones share one bucket, so that several layers can.
///
/// ```
/// use tower_throttle::RetryOn429Layer;
/// use tower_throttle::retry::RetryBudget;
///
/// // 100 retries at once; then one for every five requests served, and one a second besides.
/// let budget = RetryBudget::new(100).per_accepted(0.2).per_second(1.0);
/// let layer = RetryOn429Layer::new().budget(budget);
/// # let _ = layer;
/// ```
#[derive(Clone)]
pub struct RetryBudget {
    per_accepted: f64,
    per_second: f64,
    capacity: f64,
    bucket: Arc<Mutex<Bucket>>,
}

struct Bucket {
    tokens: f64,
    /// When the tokens of time were last added: from the first withdrawal on.
    filled: Option<Instant>,
}

impl RetryBudget {
    /// A full bucket of `capacity` tokens, of which every request served puts back a tenth of one.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        let capacity = f64::from(capacity);
        let bucket = Bucket {
            tokens: capacity,
            filled: None,
        };
        Self {
            per_accepted: 0.1,
            per_second: 0.0,
            capacity,
            bucket: Arc::new(Mutex::new(bucket)),
        }
    }

    /// Sets how many tokens a request that is served puts back. 0.1 by default.
    ///
    /// A negative or undefined number counts as 0.
    #[must_use]
    pub fn per_accepted(mut self, tokens: f64) -> Self {
        self.per_accepted = tokens.max(0.0);
        self
    }

    /// Sets how many tokens come back with every second that passes. None by default.
    ///
    /// A negative or undefined number counts as 0.
    #[must_use]
    pub fn per_second(mut self, tokens: f64) -> Self {
        self.per_second = tokens.max(0.0);
        self
    }

    /// How many retries the bucket holds at the moment.
    #[must_use]
    pub fn available(&self) -> u32 {
        let mut bucket = self.lock();
        self.fill(&mut bucket, Instant::now());
        // Truncates: part of a token is no retry.
        bucket.tokens as u32
    }

    /// A request was served.
    pub(super) fn deposit(&self) {
        let mut bucket = self.lock();
        bucket.tokens = (bucket.tokens + self.per_accepted).min(self.capacity);
    }

    /// Whether one more retry is within the budget, for now.
    pub(super) fn holds(&self, now: Instant) -> bool {
        let mut bucket = self.lock();
        self.fill(&mut bucket, now);
        bucket.tokens >= 1.0
    }

    /// Whether one more retry is within the budget; if so, it is paid for.
    pub(super) fn withdraw(&self, now: Instant) -> bool {
        let mut bucket = self.lock();
        self.fill(&mut bucket, now);
        let pays = bucket.tokens >= 1.0;
        if pays {
            bucket.tokens -= 1.0;
        }
        pays
    }

    fn fill(&self, bucket: &mut Bucket, now: Instant) {
        let passed = bucket.filled.map_or(Duration::ZERO, |filled| {
            now.saturating_duration_since(filled)
        });
        // Whoever read a body first comes with an earlier time than others did: none counts twice.
        bucket.filled = bucket.filled.max(Some(now));
        bucket.tokens = (bucket.tokens + passed.as_secs_f64() * self.per_second).min(self.capacity);
    }

    fn lock(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("capacity", &self.capacity)
            .field("per_accepted", &self.per_accepted)
            .field("per_second", &self.per_second)
            .field("tokens", &self.lock().tokens)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_costs_one_and_an_accepted_request_pays_its_part() {
        let now = Instant::now();
        let budget = RetryBudget::new(2).per_accepted(0.5);
        assert!(budget.withdraw(now) && budget.withdraw(now) && !budget.withdraw(now));
        budget.deposit();
        assert!(!budget.withdraw(now));
        budget.clone().deposit();
        assert!(budget.withdraw(now));
        (0..100).for_each(|_| budget.deposit());
        assert_eq!(budget.available(), 2);
    }

    #[test]
    fn time_fills_the_bucket() {
        let now = Instant::now();
        let budget = RetryBudget::new(2).per_second(2.0);
        assert!(budget.withdraw(now) && budget.withdraw(now) && !budget.withdraw(now));
        assert!(budget.withdraw(now + Duration::from_millis(500)));
        assert!(!budget.withdraw(now + Duration::from_millis(999)));
    }

    #[test]
    fn no_time_counts_twice() {
        let now = Instant::now();
        let budget = RetryBudget::new(2).per_second(1.0);
        let late = now + Duration::from_secs(10);
        assert!(budget.withdraw(late) && budget.withdraw(late));
        // Refused before the others, and asked for after them.
        assert!(!budget.withdraw(now));
        assert!(!budget.withdraw(late + Duration::from_millis(500)));
    }

    #[test]
    fn odd_numbers_count_as_zero() {
        let now = Instant::now();
        let budget = RetryBudget::new(1).per_accepted(f64::NAN).per_second(-1.0);
        assert!(budget.withdraw(now));
        budget.deposit();
        assert!(!budget.withdraw(now + Duration::from_secs(1000)));
    }
}
