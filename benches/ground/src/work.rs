//! The jobs of a run: when each arrives, what it costs and how long its work takes. All drawn
//! from the seed and the job's number, so that every client faces the same work.

use std::f64::consts::TAU;
use std::iter::repeat_n;

use crate::scenario::{Arrivals, Scenario};

/// One piece of work.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub id: usize,
    /// Seconds since its batch began.
    pub arrives: f64,
    pub cost: u32,
    /// Seconds of work on an idle server.
    pub latency: f64,
    /// Which of the clients it belongs to.
    pub client: usize,
    /// It arrives when all earlier batches are done and a gap has passed.
    pub batch: usize,
}

/// A random source that depends on nothing but its arguments.
pub fn rng(seed: u64, stream: u64) -> fastrand::Rng {
    // fastrand spreads a seed only a little: neighbouring seeds must not give similar numbers.
    let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream);
    rng.u64(..);
    fastrand::Rng::with_seed(rng.u64(..))
}

/// A log-normal draw with the given mean.
fn log_normal(rng: &mut fastrand::Rng, mean: f64, sigma: f64) -> f64 {
    let normal = (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (TAU * rng.f64()).cos();
    mean * (sigma * normal - sigma * sigma / 2.0).exp()
}

/// The jobs of a scenario, in the order in which they arrive.
pub fn jobs(scenario: &Scenario, seed: u64) -> Vec<Job> {
    let arrivals = arrivals(scenario, seed);
    let sizes = scenario.batches().into_iter().enumerate();
    let batches: Vec<usize> = sizes.flat_map(|(batch, n)| repeat_n(batch, n)).collect();
    let jitter = |rng: &mut fastrand::Rng| match &scenario.vector {
        Some(model) => -(1.0 - rng.f64()).ln() * model.jitter * scenario.latency,
        None => 0.0,
    };
    let job = |(id, arrives)| {
        let mut rng = rng(seed, id as u64 + 1);
        let client = id % scenario.clients;
        let mean = scenario.calls.latency(id).unwrap_or(scenario.latency);
        Job {
            id,
            arrives: arrives + scenario.join_every * client as f64,
            cost: rng.u32(scenario.cost.clone()),
            latency: log_normal(&mut rng, mean, scenario.sigma) + jitter(&mut rng),
            client,
            batch: batches[id],
        }
    };
    let mut jobs: Vec<Job> = arrivals.into_iter().enumerate().map(job).collect();
    jobs.sort_by(|a, b| a.batch.cmp(&b.batch).then(a.arrives.total_cmp(&b.arrives)));
    jobs
}

fn arrivals(scenario: &Scenario, seed: u64) -> Vec<f64> {
    let n = scenario.jobs;
    match &scenario.arrivals {
        Arrivals::AllAtOnce | Arrivals::Batches { .. } => vec![0.0; n],
        Arrivals::Poisson { per_second } => {
            let (mut rng, mut at) = (rng(seed, 0), 0.0);
            let gap = |_| {
                at -= (1.0 - rng.f64()).ln() / per_second;
                at
            };
            (0..n).map(gap).collect()
        }
        Arrivals::TrickleThenBurst { trickle, every } => {
            (0..n).map(|i| i.min(*trickle) as f64 * every).collect()
        }
        Arrivals::Steady { every } => (0..n).map(|i| i as f64 * every).collect(),
        Arrivals::Given(times) => times.iter().copied().take(n).collect(),
    }
}

/// Reads arrival times from a trace: a CSV whose first column is a moment of a day,
/// `2023-11-16 18:17:03.9799600`, or a number of seconds.
pub fn read_trace(text: &str) -> Vec<f64> {
    let times: Vec<f64> = text
        .lines()
        .filter_map(|line| moment(line.split(',').next()?))
        .collect();
    let first = times.first().copied().unwrap_or(0.0);
    times.iter().map(|at| (at - first).max(0.0)).collect()
}

fn moment(field: &str) -> Option<f64> {
    let Some((_, clock)) = field.trim().split_once(' ') else {
        return field.trim().parse().ok();
    };
    let mut parts = clock.split(':').map(str::parse::<f64>);
    let mut part = || parts.next()?.ok();
    Some(part()? * 3600.0 + part()? * 60.0 + part()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_the_mean_they_should() {
        for sigma in [0.4, 1.2] {
            let mut rng = rng(7, 0);
            let n = 100_000;
            let sum: f64 = (0..n).map(|_| log_normal(&mut rng, 4.0, sigma)).sum();
            assert!(
                (sum / f64::from(n) - 4.0).abs() < 0.1,
                "mean {}",
                sum / f64::from(n)
            );
        }
    }

    #[test]
    fn a_trace_gives_seconds_from_its_start() {
        let trace = "TIMESTAMP,A,B\n2023-11-16 18:17:59.5,1,2\n2023-11-16 18:18:01.0,3,4\n";
        assert_eq!(read_trace(trace), [0.0, 1.5]);
        assert_eq!(read_trace("at,cost\n5,1\n7.5,1\n"), [0.0, 2.5]);
    }
}
