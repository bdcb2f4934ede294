//! How long to wait when the server does not say.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;

/// How the waits of one request grow, and how far they are spread.
///
/// By default they double from 500 ms to 30 s under [`Jitter::Full`].
///
/// ```
/// use std::time::Duration;
/// use tower_throttle::retry::{Backoff, Jitter};
///
/// let backoff = Backoff::exponential(Duration::from_millis(200), Duration::from_secs(10))
///     .jitter(Jitter::Equal);
/// # let _ = backoff;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    jitter: Jitter,
}

/// How a wait is drawn around its nominal length.
///
/// Every request draws from a random stream of its own, so requests refused together do not come
/// back together, not even once their waits have reached the maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// Anything between nothing and the nominal wait: spreads best, waits half as long on average.
    #[default]
    Full,
    /// Between half the nominal wait and all of it.
    Equal,
    /// Between the base and three times the wait before, up to the maximum.
    Decorrelated,
    /// The nominal wait exactly. Requests refused together will come back together.
    None,
}

impl Backoff {
    /// Nominal waits of `base`, twice `base`, and so on, up to `max`.
    ///
    /// A `base` above `max` counts as `max`.
    #[must_use]
    pub const fn exponential(base: Duration, max: Duration) -> Self {
        let base = if base.as_nanos() > max.as_nanos() {
            max
        } else {
            base
        };
        Self {
            base,
            max,
            jitter: Jitter::Full,
        }
    }

    /// Sets how waits are spread. [`Jitter::Full`] by default.
    #[must_use]
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The same growth, up to `max`.
    pub(super) fn capped(self, max: Duration) -> Self {
        let max = self.max.min(max);
        Self {
            base: self.base.min(max),
            max,
            ..self
        }
    }

    /// The wait after the attempt number `attempt` (1 is the first); `previous` is the wait before
    /// it, or zero.
    pub(super) fn wait(&self, attempt: u32, previous: Duration, rng: &mut SmallRng) -> Duration {
        let doublings = attempt.saturating_sub(1);
        let nominal = 1_u32
            .checked_shl(doublings)
            .and_then(|factor| self.base.checked_mul(factor))
            .map_or(self.max, |nominal| nominal.min(self.max));
        match self.jitter {
            Jitter::Full => up_to(nominal, rng),
            Jitter::Equal => nominal / 2 + up_to(nominal / 2, rng),
            Jitter::Decorrelated => {
                // The bound is cut, not the draw: otherwise most draws would end at the maximum.
                let bound = previous.max(self.base).saturating_mul(3).min(self.max);
                self.base + up_to(bound.saturating_sub(self.base), rng)
            }
            Jitter::None => nominal,
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::exponential(Duration::from_millis(500), Duration::from_secs(30))
    }
}

/// What is added to a wait the server asked for: up to a tenth of it, and to one second.
///
/// Upward only, as before its end the server would refuse again.
pub(super) fn above(wait: Duration, rng: &mut SmallRng) -> Duration {
    up_to((wait / 10).min(Duration::from_secs(1)), rng)
}

fn up_to(bound: Duration, rng: &mut SmallRng) -> Duration {
    let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(rng.random_range(0..=nanos))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn waits(backoff: Backoff, seed: u64) -> Vec<Duration> {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut previous = Duration::ZERO;
        (1..=40)
            .map(|attempt| {
                previous = backoff.wait(attempt, previous, &mut rng);
                previous
            })
            .collect()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn doubles_up_to_the_maximum() {
        let waits = waits(
            Backoff::exponential(ms(100), ms(1000)).jitter(Jitter::None),
            0,
        );
        assert_eq!(waits[..5], [ms(100), ms(200), ms(400), ms(800), ms(1000)]);
        assert_eq!(waits[39], ms(1000));
    }

    #[test]
    fn jitter_stays_in_bounds_and_survives_the_maximum() {
        for (jitter, low) in [
            (Jitter::Full, ms(0)),
            (Jitter::Equal, ms(500)),
            (Jitter::Decorrelated, ms(100)),
        ] {
            for seed in 0..100 {
                let waits = waits(Backoff::exponential(ms(100), ms(1000)).jitter(jitter), seed);
                assert!(
                    waits[10..].iter().all(|w| (low..=ms(1000)).contains(w)),
                    "{jitter:?}"
                );
                assert_ne!(
                    waits[38], waits[39],
                    "{jitter:?}: the same wait twice at the maximum"
                );
            }
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        for jitter in [
            Jitter::Full,
            Jitter::Equal,
            Jitter::Decorrelated,
            Jitter::None,
        ] {
            waits(
                Backoff::exponential(Duration::MAX, Duration::MAX).jitter(jitter),
                1,
            );
            let zero = Backoff::exponential(ms(1), Duration::ZERO).jitter(jitter);
            assert!(waits(zero, 1).iter().all(Duration::is_zero));
        }
    }

    #[test]
    fn what_comes_on_top_is_at_most_a_tenth_and_a_second() {
        let mut rng = SmallRng::seed_from_u64(7);
        for _ in 0..1000 {
            assert!(above(ms(2000), &mut rng) <= ms(200));
            assert!(above(Duration::MAX, &mut rng) <= ms(1000));
            assert_eq!(above(Duration::ZERO, &mut rng), Duration::ZERO);
        }
    }
}
