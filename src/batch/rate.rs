//! How many results come in a second.

use std::time::Duration;

use tokio::time::Instant;

/// What came this long ago counts a third (1/e) of what comes now: long enough for an API that counts in windows of a
/// minute, and accepts a whole window's requests at once.
const MEMORY: Duration = Duration::from_secs(180);

/// A rate of events, of which those of the last minutes count most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    began: Instant,
    /// When the latest event came.
    at: Instant,
    /// The events until then, each weighed by its age.
    weight: f64,
}

impl Rate {
    /// No event yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            at: now,
            weight: 0.0,
        }
    }

    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    pub(super) fn record(&mut self, now: Instant) {
        self.weight = self.weight * fading(now - self.at) + 1.0;
        self.at = now;
    }

    /// Events per second. As long as it is young, it is the mean since the beginning.
    pub(super) fn per_second(&self, now: Instant) -> f64 {
        // The weight that one event a second would have come to.
        let memory = MEMORY.as_secs_f64() * (1.0 - fading(now - self.began));
        if memory > 0.0 {
            self.weight * fading(now - self.at) / memory
        } else {
            0.0
        }
    }
}

/// What is left of a weight after this time.
fn fading(age: Duration) -> f64 {
    (-age.as_secs_f64() / MEMORY.as_secs_f64()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, seconds: f64) -> Instant {
        start + Duration::from_secs_f64(seconds)
    }

    /// The rate after `seconds` with events that are `gap` seconds apart.
    fn steady(start: Instant, seconds: u32, gap: f64) -> f64 {
        let mut rate = Rate::new(start);
        let mut at = 0.0;
        while at <= f64::from(seconds) {
            rate.record(after(start, at));
            at += gap;
        }
        rate.per_second(after(start, f64::from(seconds)))
    }

    #[test]
    fn a_steady_rate_is_found_after_a_minute_and_after_an_hour() {
        let start = Instant::now();
        for seconds in [60, 3_600] {
            let found = steady(start, seconds, 0.2);
            assert!((found - 5.0).abs() < 0.05, "{found} after {seconds} s");
        }
    }

    #[test]
    fn bursts_of_a_minute_are_smoothed() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for minute in 0..60 {
            for _ in 0..300 {
                rate.record(after(start, 60.0 * f64::from(minute)));
            }
        }
        let last = 60.0 * 59.0;
        let (most, least) = (last, last + 59.9);
        let found = [most, least].map(|at| rate.per_second(after(start, at)));
        assert!(found[0] < 6.0 && found[1] > 4.0, "{found:?} for 5 a second");
    }

    #[test]
    fn nothing_has_no_rate() {
        let start = Instant::now();
        let rate = Rate::new(start);
        assert_eq!(rate.per_second(start), 0.0);
        assert_eq!(rate.per_second(after(start, 9.0)), 0.0);
    }
}
