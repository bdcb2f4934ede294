//! A program that runs twice, and pays only once for what the API's limit is.
//!
//! `cargo run --example resume --features serde`

use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_throttle::concurrency::Learnt;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

/// How many requests the API works on at a time. Nobody is told.
const PLACES: usize = 8;
const REQUESTS: usize = 300;
const TIME: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() -> ExitCode {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("learned.json");
    let first = run("first run", &file).await;
    let second = run("second run", &file).await;
    let text = fs::read_to_string(&file).expect("a record");
    println!("{text}");
    if second <= first {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What an earlier run has left. Nothing, if there is no such file, or if it is of another form: then this run begins
/// as the first one did.
fn recall(file: &Path) -> Option<Learnt> {
    let text = fs::read_to_string(file).ok()?;
    serde_json::from_str(&text)
        .inspect_err(|error| eprintln!("{}: {error}", file.display()))
        .ok()
}

/// Written beside it first: a program that is killed meanwhile leaves the old record.
fn keep(file: &Path, learnt: &Learnt) -> io::Result<()> {
    let beside = file.with_extension("new");
    fs::write(&beside, serde_json::to_string_pretty(learnt)?)?;
    fs::rename(beside, file)
}

/// Sends all requests at once, and returns how many were refused.
async fn run(name: &str, file: &Path) -> u64 {
    let layer = AdaptiveConcurrencyLayer::new().resume(recall(file));
    let gate = layer.handle();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(layer)
        .service(api());
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..REQUESTS {
        tasks.spawn(client.clone().oneshot(Request::new(String::new())));
    }
    while tasks.join_next().await.is_some() {}
    let (took, resumed) = (start.elapsed(), gate.is_resumed());
    let refused = gate.refused();
    println!("{name}: resumed {resumed}, {REQUESTS} requests in {took:.1?}, {refused} refused");
    keep(file, &gate.export()).expect("a record");
    refused
}

fn api()
-> impl Service<Request<String>, Response = Response<String>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let busy = Arc::new(AtomicUsize::new(0));
    service_fn(move |_: Request<String>| {
        let busy = Arc::clone(&busy);
        async move {
            let mut response = Response::new(String::new());
            if busy.fetch_add(1, Relaxed) >= PLACES {
                *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            } else {
                sleep(TIME).await;
            }
            busy.fetch_sub(1, Relaxed);
            Ok(response)
        }
    })
}
