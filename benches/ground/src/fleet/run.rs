//! One run of a fleet.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use sim::limits::Bucket;
use sim::{Arrival, Fate, Server};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout_at};
use tower::{Layer as _, ServiceExt as _};
use tower_throttle::fleet::{Capacity, Fleet};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use super::case::{Case, Sharing};
use super::store::Remote;
use crate::clock::{InRun, Shown};

/// The seconds after which the start is over.
const START: f64 = 15.0;

/// How a run went.
#[derive(Clone, Debug)]
pub(super) struct Ran {
    /// The time that it took, over the best possible for as many requests.
    pub(super) time: f64,
    /// Of 1,000 accepted ones.
    pub(super) refused: f64,
    /// The same after the first 15 s.
    pub(super) refused_late: f64,
    /// How alike the members' parts are after the first 15 s.
    pub(super) jain: f64,
    /// Calls of the store, per second and member.
    pub(super) calls: f64,
    /// The least that was accepted in two seconds, from the 6th to the last but one, as a part of the best.
    pub(super) least: f64,
}

pub(super) fn run(case: &Case, seed: u64) -> Ran {
    fastrand::seed(seed);
    let _in_run = InRun::begin();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async { Shown::new(tokio::time::Instant::now(), drive(case, seed)).await })
}

/// The API, and when it refused.
fn server(case: &Case, seed: u64) -> (Server, Arc<Mutex<Vec<f64>>>) {
    let refusals: Arc<Mutex<Vec<f64>>> = Arc::default();
    let log = Arc::clone(&refusals);
    let mut bucket = case.rate.map(|(rate, burst)| Bucket::new(rate, burst));
    let (places, latency) = (case.places, case.latency);
    let mut luck = fastrand::Rng::with_seed(seed);
    let decide = move |arrival: Arrival<'_>| {
        let full = places.is_some_and(|places| arrival.busy >= places);
        let taken = !full
            && bucket
                .as_mut()
                .is_none_or(|bucket| bucket.take(arrival.now));
        if !taken {
            log.lock().expect("refusals").push(arrival.now);
        }
        Fate::taken_if(taken, latency * (0.95 + 0.1 * luck.f64()))
    };
    (Server::new(decide), refusals)
}

fn capacity(case: &Case) -> Capacity {
    let mut capacity = Capacity::unknown();
    if case.sharing == Sharing::Known {
        if let Some((rate, burst)) = case.rate {
            capacity = capacity.rate(rate, burst as u32);
        }
        if let Some(places) = case.places {
            capacity = capacity.places(places as u32);
        }
    }
    capacity
}

async fn drive(case: &Case, seed: u64) -> Ran {
    let (server, refusals) = server(case, seed);
    let store = Remote::new(case.outage);
    let ends = server.began() + Duration::from_secs_f64(case.seconds);
    let mut members = JoinSet::new();
    members.spawn(store.clone().live());
    for index in 0..case.members {
        let store = store.clone();
        let server = server.seen_by(index);
        let case = case.clone();
        let seed = seed.wrapping_mul(10_007).wrapping_add(index as u64);
        members.spawn(async move {
            let dies = case.death.filter(|(_, count)| index < *count);
            let ends = dies.map_or(ends, |(at, _)| server.began() + Duration::from_secs_f64(at));
            let _ = timeout_at(ends, member(&case, server, store, seed)).await;
        });
    }
    sleep_until(ends).await;
    members.abort_all();
    let ran = measure(case, &server, &refusals.lock().expect("refusals"), &store);
    while members.join_next().await.is_some() {}
    ran
}

/// A process: it is dropped when it dies.
async fn member(case: &Case, server: Server, store: Remote, seed: u64) {
    let mut tasks = JoinSet::new();
    let mut layer = AdaptiveConcurrencyLayer::new().seed(seed);
    if matches!(case.sharing, Sharing::Known | Sharing::Unknown) {
        let fleet = Fleet::new(store).capacity(capacity(case)).seed(seed);
        layer = layer.lease(fleet.clone());
        tasks.spawn(fleet.run());
    }
    let client = RetryOn429Layer::new().seed(seed).layer(layer.layer(server));
    for _ in 0..case.tasks {
        let client = client.clone();
        tasks.spawn(async move {
            loop {
                let request = Request::new(Full::<Bytes>::default());
                let _ = client.clone().oneshot(request).await;
                sleep(Duration::ZERO).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

fn measure(case: &Case, server: &Server, refusals: &[f64], store: &Remote) -> Ran {
    let log = server.log();
    let accepted = log.accepted.len() as f64;
    let late = |at: &f64| *at >= START;
    let accepted_late = log.accepted.iter().filter(|(at, ..)| late(at)).count() as f64;
    let mut parts = vec![0.0; case.members];
    for (_, client, _) in log.accepted.iter().filter(|(at, ..)| late(at)) {
        parts[*client] += 1.0;
    }
    let lives = case.death.map_or(0, |(_, count)| count);
    let parts = &parts[lives..];
    let sum: f64 = parts.iter().sum();
    let squares: f64 = parts.iter().map(|part| part * part).sum();
    let mut twos = vec![0.0; (case.seconds / 2.0) as usize];
    for (at, ..) in &log.accepted {
        if let Some(two) = twos.get_mut((at / 2.0) as usize) {
            *two += 1.0;
        }
    }
    let per_two = 2.0 * case.best() / case.seconds;
    let steady = &twos[3..twos.len() - 1];
    Ran {
        time: case.best() / accepted,
        refused: 1000.0 * refusals.len() as f64 / accepted,
        refused_late: 1000.0 * refusals.iter().filter(|at| late(at)).count() as f64 / accepted_late,
        jain: sum * sum / (parts.len() as f64 * squares),
        calls: store.calls() as f64 / case.seconds / case.members as f64,
        least: steady.iter().copied().fold(f64::INFINITY, f64::min) / per_two,
    }
}
