//! The pace that a share allows: a token bucket of its own.

use std::time::Duration;

/// What flows in within this number of seconds may be sent at once: timers have no finer grain.
const GRAIN: f64 = 0.01;

/// A bucket that starts empty, so that members which join at once send nothing at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    rate: f64,
    depth: f64,
    tokens: f64,
    refilled_at: f64,
}

impl Pace {
    pub(super) fn new(now: Duration, rate: f64, burst: f64) -> Self {
        let mut pace = Self {
            rate: 0.0,
            depth: 0.0,
            tokens: 0.0,
            refilled_at: now.as_secs_f64(),
        };
        pace.set(now, rate, burst);
        pace
    }

    /// Another rate from now on. What was saved is kept, as far as it fits.
    pub(super) fn set(&mut self, now: Duration, rate: f64, burst: f64) {
        self.refill(now);
        self.rate = rate;
        self.depth = burst.max(1.0) + GRAIN * rate;
        self.tokens = self.tokens.min(self.depth);
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    fn refill(&mut self, now: Duration) {
        let now = now.as_secs_f64();
        let tokens = self.tokens + (now - self.refilled_at).max(0.0) * self.rate;
        self.tokens = tokens.min(self.depth);
        self.refilled_at = now;
    }

    /// How many may go now; or when the next may, which is never at no rate at all.
    pub(super) fn available(&mut self, now: Duration) -> Result<usize, Option<Duration>> {
        self.refill(now);
        // A timer that rings a nanosecond early must not find a bucket that is all but full.
        let left = (self.tokens + 1e-6).max(0.0) as usize;
        if left > 0 {
            return Ok(left);
        }
        let wait = Duration::try_from_secs_f64((1.0 - self.tokens) / self.rate).ok();
        Err(wait.map(|wait| now.saturating_add(wait)))
    }

    /// The server's bucket is empty: nothing is saved.
    pub(super) fn drain(&mut self, now: Duration) {
        self.refill(now);
        self.tokens = self.tokens.min(0.0);
    }

    pub(super) fn on_send(&mut self, now: Duration) {
        self.refill(now);
        self.tokens -= 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn it_starts_empty_and_saves_no_more_than_its_burst() {
        let mut pace = Pace::new(ms(0), 2.0, 3.0);
        assert_eq!(pace.available(ms(0)), Err(Some(ms(500))));
        assert_eq!(pace.available(ms(500)), Ok(1));
        assert_eq!(pace.available(ms(60_000)), Ok(3));
        (0..3).for_each(|_| pace.on_send(ms(60_000)));
        let next = pace.available(ms(60_000)).unwrap_err().unwrap();
        assert!((ms(60_480)..=ms(60_500)).contains(&next), "{next:?}");
    }

    #[test]
    fn at_no_rate_the_next_never_goes() {
        let mut pace = Pace::new(ms(0), 0.0, 1.0);
        assert_eq!(pace.available(ms(1_000_000)), Err(None));
    }
}
