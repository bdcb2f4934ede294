//! The two layers around `reqwest::Client`: 200 posts at once, then a streamed answer and a timeout,
//! to an API on loopback that works on five at a time and does not say so.
//!
//! `cargo run --example reqwest_client --features reqwest`

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use embedded_api::Api;
use tokio::task::JoinSet;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

const POSTS: usize = 200;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let api = Api::start(5).await?;
    let url = api.url("/v1/posts");

    // These are the lines to copy. `reqwest` builds the requests, `client` sends them.
    let reqwest = reqwest::Client::new();
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let mut client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new()) // outside: the retries of a request
        .layer(gate) // inside: every attempt passes the gate
        .service(reqwest.clone());

    let mut posts = JoinSet::new();
    for number in 0..POSTS {
        let mut client = client.clone();
        let request = reqwest.post(&url).body(format!("post {number}")).build()?;
        posts.spawn(async move {
            // A `reqwest::Response`, as from `reqwest::Client::execute`.
            let response: reqwest::Response = client.ready().await?.call(request).await?;
            let response = response.error_for_status()?;
            let url = response.url().clone();
            response.text().await?;
            Ok::<_, reqwest::Error>(url)
        });
    }
    let mut done = 0;
    while let Some(post) = posts.join_next().await {
        match post? {
            Ok(answered) => done += usize::from(answered.as_str() == url),
            Err(error) => eprintln!("a post failed: {error}"),
        }
    }

    // A streamed answer arrives piece by piece, and keeps its permit until it ends.
    let request = reqwest.get(api.url("/v1/stream")).build()?;
    let mut response = client.ready().await?.call(request).await?;
    let during = handle.in_flight();
    let mut events = String::new();
    while let Some(piece) = response.chunk().await? {
        events += &String::from_utf8_lossy(&piece);
    }
    let events = events.matches("data:").count();

    // A timeout counts for each attempt from when it was let through, to the end of the body.
    let request = reqwest.get(api.url("/v1/stream"));
    let request = request.timeout(Duration::from_millis(30)).build()?;
    let timed_out = match client.ready().await?.call(request).await {
        Ok(response) => response.bytes().await.err(),
        // The machine was so busy that not even the head came in time.
        Err(error) => Some(error),
    }
    .is_some_and(|error| error.is_timeout());

    let gate = handle.snapshot();
    println!("posts    {done} of {POSTS} done");
    println!("stream   {events} events, in flight while it lasted {during}");
    println!("timeout  {}", if timed_out { "held" } else { "missed" });
    println!("the API  {}", api.counts());
    println!(
        "the gate limit {}, in flight {}",
        gate.limit, gate.in_flight
    );
    let well = done == POSTS && events == 10 && during == 1 && timed_out && gate.in_flight == 0;
    Ok(ExitCode::from(u8::from(!well)))
}
