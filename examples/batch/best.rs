//! The embedded API's work times, and the shortest time in which its limits let a batch through.

use std::f64::consts::TAU;
use std::time::Duration;

use crate::spec::{Rule, Spec, Unit};

/// How far the work times spread: half lie within 24 % of the median.
const SIGMA: f64 = 0.4;

/// The time the API works on each request, in the order in which it accepts them.
///
/// Log-normal, and the same numbers in every run, so that clients are compared on the same work.
#[derive(Debug, Clone)]
pub(crate) struct Draws {
    mean: Duration,
    random: fastrand::Rng,
}

impl Draws {
    pub(crate) fn new(mean: Duration) -> Self {
        Self {
            mean,
            random: fastrand::Rng::with_seed(429),
        }
    }
}

impl Iterator for Draws {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        // Box-Muller; 1 - f64() is never zero.
        let radius = (-2.0 * (1.0 - self.random.f64()).ln()).sqrt();
        let normal = radius * (TAU * self.random.f64()).cos();
        // The mean of exp(sigma * normal) is exp(sigma^2 / 2).
        Some(
            self.mean
                .mul_f64((SIGMA * normal - SIGMA * SIGMA / 2.0).exp()),
        )
    }
}

/// The shortest time in which jobs that cost `tokens` each can all be done, by a client that knows
/// the limits and loses no time on the wire.
///
/// `work` is how long the API works on each. Each limit gives a bound, and the largest counts:
/// - concurrency: the work, spread evenly over the places;
/// - bucket: what the burst does not hold must drip in; then the last request takes a mean time;
/// - windows: all but the last pass in full; then a mean time;
/// - always: the longest piece of work.
pub(crate) fn best_makespan(spec: &Spec, tokens: &[u64], work: &[Duration]) -> Duration {
    let Some(&longest) = work.iter().max() else {
        return Duration::ZERO;
    };
    let total = work.iter().sum::<Duration>().as_secs_f64();
    let mean = total / work.len() as f64;
    let jobs = tokens.len() as u64;
    let bound = |rule: &Rule| match *rule {
        Rule::Concurrency(limit) => total / limit as f64,
        Rule::Bucket {
            unit,
            per_minute,
            burst,
        } => {
            let cost = match unit {
                Unit::Requests => jobs,
                Unit::Tokens => tokens.iter().sum(),
            };
            cost.saturating_sub(burst) as f64 * 60.0 / per_minute as f64 + mean
        }
        Rule::Window { quota, length } => {
            jobs.saturating_sub(1).div_euclid(quota) as f64 * length.as_secs_f64() + mean
        }
    };
    let bounds = spec.0.iter().map(bound);
    Duration::from_secs_f64(bounds.fold(longest.as_secs_f64(), f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(spec: &str, jobs: usize) -> f64 {
        let spec = spec.parse().expect("a sound spec");
        let work = vec![Duration::from_millis(100); jobs];
        best_makespan(&spec, &vec![25; jobs], &work).as_secs_f64()
    }

    fn assert_close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-6, "{a} is not {b}");
    }

    #[test]
    fn draws_have_the_mean_asked_for_and_repeat() {
        let mean = Duration::from_millis(100);
        let draws: Vec<_> = Draws::new(mean).take(20_000).collect();
        let found = draws.iter().sum::<Duration>().as_secs_f64() / 20_000.0;
        assert!((found - 0.1).abs() < 0.002, "{found}");
        let median = mean.mul_f64((-SIGMA * SIGMA / 2.0).exp());
        let below = draws.iter().filter(|draw| **draw < median).count();
        assert!((9_700..10_300).contains(&below), "{below}");
        assert!(Draws::new(mean).take(100).eq(draws[..100].iter().copied()));
        assert_eq!(Draws::new(Duration::ZERO).next(), Some(Duration::ZERO));
    }

    #[test]
    fn concurrency_spreads_the_work() {
        assert_close(best("concurrency=5", 500), 10.0);
        assert_close(best("concurrency=5", 3), 0.1);
    }

    #[test]
    fn a_bucket_gives_its_burst_at_once() {
        assert_close(best("rpm=600,burst=10", 500), 49.1);
        assert_close(best("rpm=600,burst=500", 500), 0.1);
        assert_close(best("tpm=60000,burst=500", 500), 12.1);
    }

    #[test]
    fn all_windows_but_the_last_pass_in_full() {
        assert_close(best("window=100/5s", 500), 20.1);
        assert_close(best("window=100/5s", 501), 25.1);
        assert_close(best("window=100/5s", 100), 0.1);
    }

    #[test]
    fn the_narrowest_limit_decides() {
        assert_close(best("concurrency=5,rpm=600,burst=10", 500), 49.1);
        assert_close(best("concurrency=1,rpm=600,burst=10", 500), 50.0);
    }

    #[test]
    fn no_jobs_take_no_time() {
        assert_close(best("concurrency=5", 0), 0.0);
    }
}
