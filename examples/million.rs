//! A million requests through one `Batch`, and the most memory that the process took for it.
//!
//! `cargo run --release --example million --features batch`, or `-- NUMBER AHEAD`, or `-- NUMBER AHEAD ordered`.
//!
//! The service is in the same process, and answers most requests at once and one in a hundred after 5 ms. The program
//! exits with 1 above 20 MiB.

use std::convert::Infallible;
use std::env;
use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use http_body_util::Full;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tower::{ServiceBuilder, service_fn};
use tower_throttle::{AdaptiveConcurrencyLayer, Batch, RetryOn429Layer};

const BOUND_MIB: f64 = 20.0;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let number = |at: usize| {
        arguments
            .get(at)
            .map(|text| text.parse::<usize>())
            .transpose()
    };
    let (requests, ahead) = (number(0)?.unwrap_or(1_000_000), number(1)?);

    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(service_fn(async |request: Request<Full<Bytes>>| {
            // One in a hundred takes long, so that answers are held back in order.
            if fastrand::u8(..100) == 0 {
                sleep(Duration::from_millis(5)).await;
            } else {
                yield_now().await;
            }
            Ok::<_, Infallible>(Response::new(request.into_body()))
        }));

    let mut batch = Batch::new(&client);
    if let Some(ahead) = ahead {
        batch = batch.ahead(ahead);
    }
    if arguments.get(2).is_some_and(|order| order == "ordered") {
        batch = batch.ordered();
    }
    let posts = (0..requests).map(|number| Request::new(Full::from(format!("post {number}"))));
    let start = Instant::now();
    let mut results = batch.run(stream::iter(posts));
    let mut done = 0;
    while let Some(result) = results.next().await {
        let (number, response) = result?;
        assert_eq!(response.body(), format!("post {number}").as_bytes());
        done += 1;
    }
    println!(
        "{done} of {requests} done in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    let Some(peak) = peak_mib() else {
        println!("the memory is shown on Linux only");
        return Ok(ExitCode::SUCCESS);
    };
    println!("{peak:.1} MiB of memory at most");
    Ok(ExitCode::from(u8::from(
        peak > BOUND_MIB || done < requests,
    )))
}

/// The most memory that this process had (resident), as Linux counts it.
fn peak_mib() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
