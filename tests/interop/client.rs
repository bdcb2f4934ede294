//! The client under test: hyper-util's, with both layers at their defaults, and what costs need.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::{ServiceBuilder, ServiceExt};
use tower_throttle::concurrency::{Handle, Snapshot};
use tower_throttle::retry::Attempts;
use tower_throttle::usage::{Usage, UsageLayer};
use tower_throttle::{AdaptiveConcurrencyLayer, QueueLayer, RetryOn429Layer};

use crate::tokens::Job;

/// What came of the requests.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) done: usize,
    /// Attempts that were not the last of their request.
    pub(crate) refused: u32,
    pub(crate) elapsed: Duration,
}

/// Sends `jobs` requests by `clients` clients, all at once as far as the caller is concerned.
pub(crate) async fn send(
    name: &str,
    address: SocketAddr,
    job: Job,
    jobs: usize,
    clients: usize,
) -> Sent {
    let start = Instant::now();
    let mut sending = JoinSet::new();
    let mut tracing = JoinSet::new();
    for number in 0..clients {
        let gate = AdaptiveConcurrencyLayer::new();
        if std::env::var_os("INTEROP_TRACE").is_some() {
            tracing.spawn(trace(format!("{name} [{number}]"), gate.handle(), start));
        }
        let client = ServiceBuilder::new()
            .layer(UsageLayer::new(Usage::openai_compatible()))
            .layer(QueueLayer::new().cost(job))
            .layer(RetryOn429Layer::new())
            .layer(gate)
            .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());
        for _ in (number..jobs).step_by(clients) {
            let client = client.clone();
            let uri = format!("http://{address}{}", job.path);
            sending.spawn(async move {
                let request = Request::post(uri)
                    .header(CONTENT_TYPE, "application/json")
                    .body(Full::from(job.body))
                    .ok()?;
                let response = client.oneshot(request).await.ok()?;
                let attempts = Attempts::of(response.extensions()).get();
                let status = response.status();
                response.into_body().collect().await.ok()?;
                Some((status, attempts))
            });
        }
    }
    let (mut done, mut refused) = (0, 0);
    while let Some(job) = sending.join_next().await {
        if let Ok(Some((status, attempts))) = job {
            done += usize::from(status == StatusCode::OK);
            refused += attempts - 1;
        }
    }
    Sent {
        done,
        refused,
        elapsed: start.elapsed(),
    }
}

/// Writes what the gate goes through.
async fn trace(name: String, gate: Handle, start: Instant) {
    let mut watch = gate.watch();
    loop {
        let Snapshot {
            limit,
            rate,
            in_flight,
            waiting,
            pause_remaining,
            accepted,
            refused,
            ..
        } = watch.changed().await;
        let at = start.elapsed().as_secs_f64();
        let rate = rate.unwrap_or(f64::INFINITY);
        let pause = pause_remaining.unwrap_or_default().as_secs_f64();
        eprintln!(
            "{name} {at:.3} limit {limit} rate {rate:.1} in_flight {in_flight} waiting {waiting} \
             pause {pause:.2} accepted {accepted} refused {refused}"
        );
    }
}
