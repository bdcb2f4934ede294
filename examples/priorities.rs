//! Interactive requests beside a batch, under one quota: an API on loopback that works on five requests at
//! a time and does not say so. Prints how long each class waited, first in one line and then by classes.
//!
//! `cargo run --example priorities`

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use embedded_api::Api;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_throttle::queue::{Prioritized, Priority, PriorityLayer};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

type BoxError = Box<dyn Error + Send + Sync>;
type Http = Client<HttpConnector, Full<Bytes>>;
type Throttled = Prioritized<RetryOn429<AdaptiveConcurrency<Http>>>;

const BATCH: usize = 500;
const INTERACTIVE: usize = 20;

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    let one_line = run("one line", Priority::NORMAL, Priority::NORMAL).await?;
    let classes = run("classes ", Priority::INTERACTIVE, Priority::BATCH).await?;
    Ok(ExitCode::from(u8::from(
        one_line + classes < 2 * (BATCH + INTERACTIVE),
    )))
}

/// Sends a batch at once and, beside it, an interactive request every tenth of a second. Returns how many were
/// served.
async fn run(name: &str, interactive: Priority, batch: Priority) -> Result<usize, BoxError> {
    let api = Api::start(5).await?;

    // These are the lines to copy: one client, and a clone of it for each class.
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(Client::builder(TokioExecutor::new()).build_http());
    let interactive = PriorityLayer::new(interactive).layer(client.clone());
    let batch = PriorityLayer::new(batch).layer(client);

    let url = api.url("/v1/posts");
    let mut jobs = JoinSet::new();
    for _ in 0..BATCH {
        jobs.spawn(post(batch.clone(), url.clone(), "batch"));
    }
    for _ in 0..INTERACTIVE {
        sleep(Duration::from_millis(100)).await;
        jobs.spawn(post(interactive.clone(), url.clone(), "interactive"));
    }
    let (mut waits, mut batch_ended) = (Vec::new(), Duration::ZERO);
    let mut served = 0;
    while let Some(job) = jobs.join_next().await {
        let Ok((class, took)) = job? else { continue };
        served += 1;
        if class == "batch" {
            batch_ended = batch_ended.max(took);
        } else {
            waits.push(took);
        }
    }
    waits.sort();
    println!(
        "{name}  interactive {:.1?} (half of them), {:.1?} at most; the batch took {batch_ended:.1?}",
        waits.get(waits.len() / 2).copied().unwrap_or_default(),
        waits.last().copied().unwrap_or_default(),
    );
    println!("          the API {}", api.counts());
    Ok(served)
}

/// Sends one post, and returns its class and how long that took.
async fn post(
    client: Throttled,
    url: String,
    class: &'static str,
) -> Result<(&'static str, Duration), BoxError> {
    let start = Instant::now();
    let request = Request::post(url).body(Full::from(class))?;
    let response = client.oneshot(request).await?;
    if !response.status().is_success() {
        return Err(format!("answered with {}", response.status()).into());
    }
    response.into_body().collect().await?;
    Ok((class, start.elapsed()))
}
