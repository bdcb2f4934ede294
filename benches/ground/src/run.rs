//! One run: a scenario, a kind of client and a seed, on a runtime of its own with a paused clock.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use sim::best::{Finished, last};
use sim::server::{Log, Server};
use sim::work::Job;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::clients::{Belief, Client, Kind};
use crate::clock::{InRun, Shown};
use crate::measure::{Measured, measure};
use crate::scenario::Scenario;
use crate::server;

/// No run is over sooner than this, in seconds.
const SHORTEST: f64 = 600.0;

/// What a client believed and did at a moment.
#[derive(Clone, Debug)]
pub struct Sample {
    pub at: f64,
    /// At the server, of all clients.
    pub in_flight: usize,
    /// Over the last few samples, accepted or not, of all clients.
    pub sent_per_second: f64,
    /// Attempts refused so far, of all clients.
    pub refused: usize,
    /// Of the first client.
    pub belief: Belief,
    /// Of each client that can tell.
    pub beliefs: Vec<Belief>,
}

/// How many samples a run gives that takes as long as the best possible.
const SAMPLES: f64 = 1000.0;

/// Runs and measures.
pub fn run(scenario: &Scenario, kind: &Kind, seed: u64) -> Measured {
    let jobs = scenario.jobs(seed);
    let best = scenario.best(&jobs);
    let seen = on_paused_clock(scenario, kind, seed, &jobs, last(&best), None);
    measure(scenario, &best, &seen)
}

/// Runs and watches the first client.
pub fn sampled(scenario: &Scenario, kind: &Kind, seed: u64) -> Vec<Sample> {
    let jobs = scenario.jobs(seed);
    let best = last(&scenario.best(&jobs));
    on_paused_clock(scenario, kind, seed, &jobs, best, Some(best / SAMPLES)).samples
}

/// All that can be seen of a run.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Of every job that counts and whose batch began. Those that were not done at the end of the run ended then.
    pub finished: Vec<Finished>,
    /// Whether the run was cut off.
    pub hung: bool,
    pub log: Log,
    pub samples: Vec<Sample>,
}

/// Runs, and gives all that can be seen.
pub fn observed(scenario: &Scenario, kind: &Kind, seed: u64, best: f64, every: f64) -> Observed {
    let jobs = scenario.jobs(seed);
    on_paused_clock(scenario, kind, seed, &jobs, best, Some(every))
}

fn on_paused_clock(
    scenario: &Scenario,
    kind: &Kind,
    seed: u64,
    jobs: &[Job],
    best: f64,
    every: Option<f64>,
) -> Observed {
    // The crates under test take their jitter, or the seed of it, from the thread's own generator.
    fastrand::seed(seed);
    let _in_run = InRun::begin();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(work(scenario, kind, seed, jobs, best, every))
}

async fn work(
    scenario: &Scenario,
    kind: &Kind,
    seed: u64,
    jobs: &[Job],
    best: f64,
    every: Option<f64>,
) -> Observed {
    let server = server::of(scenario, seed);
    let clients = start(scenario, kind, jobs, &server);
    let progress = Arc::new(Progress::new(jobs.len()));
    let mut samples = Vec::new();
    let watched = async {
        tokio::select! {
            biased;
            () = all_batches(scenario, &server, &clients, jobs, &progress) => {}
            () = sample(&server, &clients, every, &mut samples) => {}
        }
    };
    // Jobs that are not done after so long count as failed.
    let longest = scenario.cut_off(best).max(SHORTEST);
    let ended = tokio::time::timeout(Duration::from_secs_f64(longest), watched).await;
    let log = server.log();
    let counted = jobs.iter().filter(|job| job.id >= scenario.work.hopeless);
    Observed {
        finished: progress.finished(counted, &log, server.now()),
        hung: ended.is_err(),
        log,
        samples,
    }
}

/// Starts the programs that share the jobs.
fn start(scenario: &Scenario, kind: &Kind, jobs: &[Job], server: &Server) -> Vec<Arc<dyn Client>> {
    let programs = if kind.one_program {
        1
    } else {
        scenario.work.clients
    };
    (0..programs)
        .map(|client| {
            let given = jobs.iter().filter(|job| job.client % programs == client);
            kind.client(server.seen_by(client), given.count())
        })
        .collect()
}

/// What came of the jobs so far.
struct Progress {
    /// When each batch began.
    begun: Mutex<Vec<f64>>,
    /// When a job ended, and whether it was done, by its number.
    ends: Mutex<Vec<Option<(f64, bool)>>>,
}

impl Progress {
    fn new(jobs: usize) -> Self {
        Self {
            begun: Mutex::default(),
            ends: Mutex::new(vec![None; jobs]),
        }
    }

    /// What came of those of the jobs whose batch began. What is not done ends now.
    fn finished<'a>(
        &self,
        jobs: impl Iterator<Item = &'a Job>,
        log: &Log,
        now: f64,
    ) -> Vec<Finished> {
        let (begun, ends) = (self.begun.lock(), self.ends.lock());
        let (begun, ends) = (begun.expect("begun"), ends.expect("ends"));
        let accepted = log.accepted.iter().map(|(at, _, job)| (*job, *at));
        let sent: HashMap<usize, f64> = accepted.collect();
        let how = |job: &Job| {
            let arrived = begun.get(job.batch)? + job.arrives;
            let (at, done) = ends[job.id].unwrap_or((now.max(arrived), false));
            Some(Finished {
                batch: job.batch,
                arrived,
                sent: sent.get(&job.id).copied().unwrap_or(at),
                at,
                done,
            })
        };
        jobs.filter_map(how).collect()
    }
}

/// Sends one batch after the other.
async fn all_batches(
    scenario: &Scenario,
    server: &Server,
    clients: &[Arc<dyn Client>],
    jobs: &[Job],
    progress: &Arc<Progress>,
) {
    for batch in jobs.chunk_by(|a, b| a.batch == b.batch) {
        if batch[0].batch > 0 {
            sleep(Duration::from_secs_f64(scenario.work.gap())).await;
        }
        progress.begun.lock().expect("begun").push(server.now());
        one_batch(server, clients, batch, progress).await;
    }
}

/// Sends the jobs of a batch when they arrive, and waits for all.
async fn one_batch(
    server: &Server,
    clients: &[Arc<dyn Client>],
    batch: &[Job],
    progress: &Arc<Progress>,
) {
    let mut tasks = JoinSet::new();
    for job in batch.iter().copied() {
        let client = clients[job.client % clients.len()].clone();
        let (server, progress, began) = (server.clone(), progress.clone(), server.began());
        let job = async move {
            if job.arrives > 0.0 {
                sleep(Duration::from_secs_f64(job.arrives)).await;
            }
            let mut request = Request::new(Full::<Bytes>::from("{}"));
            request.extensions_mut().insert(job);
            let status = client.send(request).await;
            let done = status.is_some_and(|status| status.is_success());
            progress.ends.lock().expect("ends")[job.id] = Some((server.now(), done));
        };
        tasks.spawn(Shown::new(began, job));
    }
    while tasks.join_next().await.is_some() {}
}

/// Over how many samples a rate is taken.
const RATE: usize = 30;

async fn sample(
    server: &Server,
    clients: &[Arc<dyn Client>],
    every: Option<f64>,
    samples: &mut Vec<Sample>,
) {
    let Some(every) = every else {
        return std::future::pending().await;
    };
    let mut sent = VecDeque::from([0; RATE]);
    loop {
        let before = sent.pop_front().expect("a sample");
        sent.push_back(server.sent());
        let beliefs: Vec<Belief> = clients
            .iter()
            .filter_map(|client| client.belief())
            .collect();
        samples.push(Sample {
            at: server.now(),
            in_flight: server.in_flight(),
            sent_per_second: (server.sent() - before) as f64 / (RATE as f64 * every),
            refused: server.refused(),
            belief: beliefs.first().copied().unwrap_or_default(),
            beliefs,
        });
        sleep(Duration::from_secs_f64(every)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clients, scenarios};

    fn small(name: &str) -> Scenario {
        let all = scenarios::all().into_iter();
        let mut scenario = all.clone().find(|s| s.name == name).expect("a scenario");
        scenario.work.jobs /= 10;
        scenario
    }

    #[test]
    fn a_run_is_the_same_each_time() {
        let scenario = small("shared-40");
        for kind in clients::named() {
            let figures = || {
                let run = run(&scenario, kind, 7);
                (run.makespan, run.refused, run.failed, run.peak)
            };
            assert_eq!(figures(), figures(), "{}", kind.name);
        }
    }

    #[test]
    fn the_given_limit_gives_the_best_time() {
        let kind = clients::ALL
            .iter()
            .find(|kind| kind.name == "throttle-fixed");
        let run = run(&small("fifty"), kind.expect("a client"), 1);
        assert_eq!((run.failed, run.refused), (0, 0.0));
        assert!(run.ratio() < 1.001, "{}", run.ratio());
    }

    #[test]
    fn five_workers_take_as_long_as_five_workers_do() {
        let kind = clients::ALL
            .iter()
            .find(|kind| kind.name == "queue")
            .expect("a client");
        let moving = scenarios::all().into_iter().find(|s| s.name == "moving");
        let ratio = run(&moving.expect("a scenario"), kind, 1).ratio();
        assert!(
            (6.0..6.3).contains(&ratio),
            "{ratio}: 30.8 places on average, 5 of them used"
        );
    }
}
