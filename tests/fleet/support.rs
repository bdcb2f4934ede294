//! Members of one fleet, and the API that they call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use sim::limits::Bucket;
use sim::{Arrival, Fate, Server};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower::{Layer as _, ServiceExt as _};
use tower_throttle::concurrency::Handle;
use tower_throttle::fleet::{Fleet, Store};
use tower_throttle::message::Unsent;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

/// An API, and when it refused.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) server: Server,
    refusals: Arc<Mutex<Vec<f64>>>,
}

impl Api {
    /// `rate` requests per second and `burst` of them at once; `places` in flight; each takes `latency` seconds.
    pub(crate) fn new(rate: Option<(f64, f64)>, places: Option<usize>, latency: f64) -> Self {
        let refusals: Arc<Mutex<Vec<f64>>> = Arc::default();
        let log = Arc::clone(&refusals);
        let mut bucket = rate.map(|(rate, burst)| Bucket::new(rate, burst));
        let server = Server::new(move |arrival: Arrival<'_>| {
            let full = places.is_some_and(|places| arrival.busy >= places);
            let taken = !full
                && bucket
                    .as_mut()
                    .is_none_or(|bucket| bucket.take(arrival.now));
            if !taken {
                log.lock().unwrap().push(arrival.now);
            }
            Fate::taken_if(taken, latency)
        });
        Self { server, refusals }
    }

    /// How many were refused from one second to another.
    pub(crate) fn refused(&self, from: f64, to: f64) -> usize {
        let refusals = self.refusals.lock().unwrap();
        refusals
            .iter()
            .filter(|at| (from..to).contains(*at))
            .count()
    }

    /// How many were accepted from one second to another.
    pub(crate) fn accepted(&self, from: f64, to: f64) -> usize {
        let log = self.server.log();
        log.accepted
            .iter()
            .filter(|(at, ..)| (from..to).contains(at))
            .count()
    }

    /// The same of each of the first members.
    pub(crate) fn parts(&self, members: usize, from: f64, to: f64) -> Vec<f64> {
        let mut parts = vec![0.0; members];
        for (at, client, _) in self.server.log().accepted {
            if (from..to).contains(&at) && client < members {
                parts[client] += 1.0;
            }
        }
        parts
    }
}

/// How alike these are: 1 if they are equal.
pub(crate) fn jain(parts: &[f64]) -> f64 {
    let sum: f64 = parts.iter().sum();
    let squares: f64 = parts.iter().map(|part| part * part).sum();
    sum * sum / (parts.len() as f64 * squares)
}

/// A process, as far as a fleet is concerned.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) handle: Handle,
    tasks: Vec<JoinHandle<()>>,
}

impl Process {
    /// One that reports, and sends `tasks` requests at once all the time.
    pub(crate) fn start<S: Store>(fleet: Fleet<S>, api: &Api, index: usize, tasks: usize) -> Self {
        let layer = AdaptiveConcurrencyLayer::new()
            .seed(index as u64)
            .lease(fleet.clone());
        let handle = layer.handle();
        let client = RetryOn429Layer::new()
            .seed(index as u64)
            .layer(layer.layer(api.server.seen_by(index)));
        let mut spawned = vec![tokio::spawn(fleet.run())];
        for _ in 0..tasks {
            let client = client.clone();
            spawned.push(tokio::spawn(async move {
                loop {
                    let request = Request::new(Full::<Bytes>::default());
                    let Ok(answer) = client.clone().oneshot(request).await;
                    if Unsent::of(answer.extensions()).is_some() {
                        return;
                    }
                }
            }));
        }
        Self {
            handle,
            tasks: spawned,
        }
    }

    /// It ends without a word, as by `kill -9`.
    pub(crate) fn die(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.die();
    }
}

pub(crate) async fn seconds(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds)).await;
}
