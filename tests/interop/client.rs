//! The client under test: hyper-util's, with both layers at their defaults.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
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
use tower_throttle::concurrency::Snapshot;
use tower_throttle::retry::Attempts;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

/// What came of the requests.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) failed: usize,
    /// Attempts that were not the last of their request.
    pub(crate) refused: u32,
    pub(crate) elapsed: Duration,
    /// What the gate went through.
    pub(crate) trace: Vec<(Duration, Snapshot)>,
}

/// Sends `jobs` requests, all at once as far as the caller is concerned.
pub(crate) async fn send(address: SocketAddr, jobs: usize) -> Outcome {
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());

    let start = Instant::now();
    let trace = Arc::new(Mutex::new(Vec::new()));
    let watching = tokio::spawn({
        let (mut watch, trace) = (handle.watch(), Arc::clone(&trace));
        async move {
            loop {
                let snapshot = watch.changed().await;
                let mut trace = trace.lock().expect("nothing panics under it");
                trace.push((start.elapsed(), snapshot));
            }
        }
    });
    let mut sending = JoinSet::new();
    for job in 0..jobs {
        let client = client.clone();
        let uri = format!("http://{address}/v1/posts/{job}");
        sending.spawn(async move {
            let request = Request::post(uri)
                .header(CONTENT_TYPE, "application/json")
                .body(Full::from("{}"))
                .ok()?;
            let response = client.oneshot(request).await.ok()?;
            let attempts = Attempts::of(response.extensions()).get();
            let status = response.status();
            response.into_body().collect().await.ok()?;
            Some((status, attempts))
        });
    }
    let (mut done, mut refused) = (0, 0);
    while let Some(job) = sending.join_next().await {
        if let Ok(Some((StatusCode::OK, attempts))) = job {
            done += 1;
            refused += attempts - 1;
        }
    }
    let elapsed = start.elapsed();
    watching.abort();
    Outcome {
        failed: jobs - done,
        refused,
        elapsed,
        trace: std::mem::take(&mut trace.lock().expect("nothing panics under it")),
    }
}
