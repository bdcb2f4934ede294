//! The jobs of a run: when each arrives, what it costs and how long its work takes. All drawn
//! from the seed and the job's number, so that every client faces the same work.

use std::f64::consts::TAU;
use std::iter::repeat_n;

use crate::costs::Costs;
use crate::limits::Cost;

/// When jobs come.
#[derive(Clone, Debug)]
pub enum Arrivals {
    AllAtOnce,
    Poisson {
        per_second: f64,
    },
    /// A number one by one, at equal intervals in seconds, then all the rest.
    TrickleThenBurst {
        trickle: usize,
        every: f64,
    },
    /// A number at once, and the next some seconds after all of them are done. The sizes are used in turn.
    Batches {
        sizes: Vec<usize>,
        gap: f64,
    },
    /// One each time that this number of seconds has passed. What counts is how long each waits until it is sent.
    Steady {
        every: f64,
    },
    /// From a trace, in seconds.
    Given(Vec<f64>),
}

/// Which jobs take another time than the others.
#[derive(Clone, Copy, Debug)]
pub enum Calls {
    Same,
    /// This number from the first on.
    First {
        jobs: usize,
        latency: f64,
    },
    /// One in this number.
    Every {
        nth: usize,
        latency: f64,
    },
}

impl Calls {
    /// The mean latency of a job, if it is another.
    pub fn latency(self, id: usize) -> Option<f64> {
        match self {
            Self::First { jobs, latency } if id < jobs => Some(latency),
            Self::Every { nth, latency } if id % nth == 0 => Some(latency),
            _ => None,
        }
    }
}

/// What there is to do.
#[derive(Clone, Debug)]
pub struct Work {
    pub jobs: usize,
    /// Mean seconds of work on an idle server.
    pub latency: f64,
    /// The spread of the log-normal latency.
    pub sigma: f64,
    /// The mean of an exponential draw that is added to each latency, as a share of the mean.
    pub jitter: f64,
    pub costs: Costs,
    /// The output that clients expect of each job, where they do not know it before.
    pub expected_output: Option<u32>,
    pub arrivals: Arrivals,
    pub calls: Calls,
    /// This number of jobs, from the first on, are refused for ever. They do not count.
    pub hopeless: usize,
    /// Independent instances of the client.
    pub clients: usize,
    /// How many seconds after the one before each begins.
    pub join_every: f64,
}

impl Work {
    /// Jobs of one client that come all at once.
    pub fn new(jobs: usize, latency: f64) -> Self {
        Self {
            jobs,
            latency,
            sigma: 0.4,
            jitter: 0.0,
            costs: Costs::Uniform(1..=1),
            expected_output: None,
            arrivals: Arrivals::AllAtOnce,
            calls: Calls::Same,
            hopeless: 0,
            clients: 1,
            join_every: 0.0,
        }
    }

    /// Seconds between a batch's end and the next one's beginning.
    pub fn gap(&self) -> f64 {
        match self.arrivals {
            Arrivals::Batches { gap, .. } => gap,
            _ => 0.0,
        }
    }

    /// How many jobs there are in each batch.
    pub fn batches(&self) -> Vec<usize> {
        let Arrivals::Batches { sizes, .. } = &self.arrivals else {
            return vec![self.jobs];
        };
        let (mut batches, mut left) = (Vec::new(), self.jobs);
        for size in sizes.iter().cycle() {
            batches.push(left.min(*size));
            left = left.saturating_sub(*size);
            if left == 0 {
                break;
            }
        }
        batches
    }
}

/// One piece of work.
#[derive(Clone, Copy, Debug, Default)]
pub struct Job {
    pub id: usize,
    /// Seconds since its batch began.
    pub arrives: f64,
    pub cost: Cost,
    /// What its client expects it to cost.
    pub expected: Cost,
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
pub fn log_normal(rng: &mut fastrand::Rng, mean: f64, sigma: f64) -> f64 {
    let normal = (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (TAU * rng.f64()).cos();
    mean * (sigma * normal - sigma * sigma / 2.0).exp()
}

/// The jobs, in the order in which they arrive.
pub fn jobs(work: &Work, seed: u64) -> Vec<Job> {
    let arrivals = arrivals(work, seed);
    let sizes = work.batches().into_iter().enumerate();
    let batches: Vec<usize> = sizes.flat_map(|(batch, n)| repeat_n(batch, n)).collect();
    let jitter = |rng: &mut fastrand::Rng| -(1.0 - rng.f64()).ln() * work.jitter * work.latency;
    let job = |(id, arrives)| {
        let mut rng = rng(seed, id as u64 + 1);
        let client = id % work.clients;
        let mean = work.calls.latency(id).unwrap_or(work.latency);
        let cost = work.costs.draw(&mut rng, id, work.jobs);
        let output = work.expected_output.unwrap_or(cost.output);
        Job {
            id,
            arrives: arrives + work.join_every * client as f64,
            cost,
            expected: Cost { output, ..cost },
            latency: log_normal(&mut rng, mean, work.sigma) + jitter(&mut rng),
            client,
            batch: batches[id],
        }
    };
    let mut jobs: Vec<Job> = arrivals.into_iter().enumerate().map(job).collect();
    jobs.sort_by(|a, b| a.batch.cmp(&b.batch).then(a.arrives.total_cmp(&b.arrives)));
    jobs
}

fn arrivals(work: &Work, seed: u64) -> Vec<f64> {
    let n = work.jobs;
    match &work.arrivals {
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

pub(crate) fn moment(field: &str) -> Option<f64> {
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
