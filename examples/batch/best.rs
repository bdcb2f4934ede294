//! The embedded API's work times, and the shortest time in which its limits let a batch through.

use std::time::Duration;

use fastrand::Rng;
use sim::Api;
use sim::best::fluid;
use sim::work::{Job, log_normal};

use crate::spec::Spec;

/// How far the work times spread: half lie within 24 % of the median.
const SIGMA: f64 = 0.4;

/// The time the API works on each request, in the order in which it accepts them.
///
/// Log-normal, and the same numbers in every run, so that clients are compared on the same work.
#[derive(Debug, Clone)]
pub(crate) struct Draws {
    mean: Duration,
    random: Rng,
}

impl Draws {
    pub(crate) fn new(mean: Duration) -> Self {
        Self {
            mean,
            random: Rng::with_seed(429),
        }
    }
}

impl Iterator for Draws {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let seconds = log_normal(&mut self.random, self.mean.as_secs_f64(), SIGMA);
        Some(Duration::from_secs_f64(seconds))
    }
}

/// The shortest time in which jobs can all be done, by a client that knows the limits and loses no time on
/// the wire.
///
/// `jobs` are the tokens of each and how long the API works on it. Each limit gives a bound, and the largest
/// counts:
/// - concurrency: the work, spread evenly over the places;
/// - bucket: what the burst does not hold must drip in; then the last request takes a mean time;
/// - windows: all but the last pass in full; then a mean time;
/// - always: the longest piece of work.
pub(crate) fn best_makespan(spec: &Spec, jobs: &[(u32, Duration)]) -> Duration {
    let Some(longest) = jobs.iter().map(|(_, work)| *work).max() else {
        return Duration::ZERO;
    };
    let job = |&(cost, work): &(u32, Duration)| Job {
        cost,
        latency: work.as_secs_f64(),
        ..Job::default()
    };
    let jobs: Vec<Job> = jobs.iter().map(job).collect();
    let api = Api {
        rules: spec.rules(),
        ..Api::default()
    };
    longest.max(Duration::from_secs_f64(fluid(&api, &jobs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(spec: &str, jobs: usize) -> f64 {
        let spec = spec.parse().expect("a sound spec");
        let jobs = vec![(25, Duration::from_millis(100)); jobs];
        best_makespan(&spec, &jobs).as_secs_f64()
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
