//! One run: a scenario, a kind of client and a seed, on a runtime of its own with a paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use crate::best::best;
use crate::clients::{Belief, Client, Kind};
use crate::measure::{Finished, Measured, measure};
use crate::scenario::Scenario;
use crate::server::{Log, Server};
use crate::work::{self, Job};

/// A run that takes this many times the best possible is over.
const PATIENCE: f64 = 50.0;

/// What a client believed and did at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub at: f64,
    pub in_flight: usize,
    pub belief: Belief,
}

/// Runs and measures; with `every`, also samples the first client as often as that, in seconds.
pub fn run(
    scenario: &Scenario,
    kind: &Kind,
    seed: u64,
    every: Option<f64>,
) -> (Measured, Vec<Sample>) {
    // The crates under test take their jitter from the thread's own generator.
    fastrand::seed(seed);
    let jobs = work::jobs(scenario, seed);
    let best = best(scenario, &jobs);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let (finished, log, samples) = runtime.block_on(work(scenario, kind, seed, &jobs, best, every));
    (measure(scenario, &jobs, best, &finished, &log), samples)
}

async fn work(
    scenario: &Scenario,
    kind: &Kind,
    seed: u64,
    jobs: &[Job],
    best: f64,
    every: Option<f64>,
) -> (Vec<Finished>, Log, Vec<Sample>) {
    let server = Server::new(scenario, seed);
    let programs = if kind.one_program { 1 } else { scenario.clients };
    let clients: Vec<Arc<dyn Client>> =
        (0..programs).map(|client| (kind.build)(server.seen_by(client))).collect();
    let finished = Arc::new(Mutex::new(Vec::with_capacity(jobs.len())));
    let mut tasks = tokio::task::JoinSet::new();
    for job in jobs.iter().copied() {
        let client = clients[job.client % programs].clone();
        let (server, finished) = (server.clone(), finished.clone());
        tasks.spawn(async move {
            if job.arrives > 0.0 {
                tokio::time::sleep(Duration::from_secs_f64(job.arrives)).await;
            }
            let mut request = Request::new(Full::<Bytes>::from("{}"));
            request.extensions_mut().insert(job);
            let status = client.send(request).await;
            let done = status.is_some_and(|status| status.is_success());
            finished.lock().expect("finished").push(Finished { job: job.id, at: server.now(), done });
        });
    }
    let sampler = every.map(|every| tokio::spawn(sample(server.clone(), clients[0].clone(), every)));
    let end = async { while tasks.join_next().await.is_some() {} };
    let longest = Duration::from_secs_f64((PATIENCE * best).min(80_000.0));
    // Jobs that are not done by then count as failed.
    let _ = tokio::time::timeout(longest, end).await;
    tasks.abort_all();
    let samples = match sampler {
        Some(sampler) => {
            let end = server.now();
            sampler.abort();
            drop(sampler);
            SAMPLES.with_borrow_mut(std::mem::take).into_iter().filter(|s| s.at <= end).collect()
        }
        None => Vec::new(),
    };
    let finished = std::mem::take(&mut *finished.lock().expect("finished"));
    (finished, server.log(), samples)
}

thread_local! {
    static SAMPLES: std::cell::RefCell<Vec<Sample>> = const { std::cell::RefCell::new(Vec::new()) };
}

async fn sample(server: Server, client: Arc<dyn Client>, every: f64) {
    loop {
        let sample = Sample {
            at: server.now(),
            in_flight: server.in_flight(),
            belief: client.belief().unwrap_or_default(),
        };
        SAMPLES.with_borrow_mut(|samples| samples.push(sample));
        tokio::time::sleep(Duration::from_secs_f64(every)).await;
    }
}
