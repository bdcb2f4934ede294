//! The two layers around `reqwest::Client`: 200 posts at once, then a streamed answer and a timeout,
//! to an API on loopback that works on five at a time and does not say so.
//!
//! `cargo run --example reqwest_client --features reqwest`

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use embedded_api::Api;
use reqwest::RequestBuilder;
use tokio::task::JoinSet;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_throttle::concurrency::Handle;
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

const POSTS: usize = 200;

type Client = RetryOn429<AdaptiveConcurrency<reqwest::Client>>;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let api = Api::start(5).await?;

    // These are the lines to copy. `reqwest` builds the requests, `client` sends them.
    let reqwest = reqwest::Client::new();
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new()) // outside: the retries of a request
        .layer(gate) // inside: every attempt passes the gate
        .service(reqwest.clone());

    let done = post_all(&reqwest, &client, &api.url("/v1/posts")).await?;
    let url = api.url("/v1/stream");
    let (events, during) = stream(reqwest.get(&url), client.clone(), &handle).await?;
    let timed_out = times_out(reqwest.get(&url), client).await?;

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

/// Sends all posts at once. Returns how many were done.
async fn post_all(
    reqwest: &reqwest::Client,
    client: &Client,
    url: &str,
) -> Result<usize, Box<dyn Error>> {
    let mut posts = JoinSet::new();
    for number in 0..POSTS {
        let mut client = client.clone();
        let request = reqwest.post(url).body(format!("post {number}")).build()?;
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
    Ok(done)
}

/// A streamed answer arrives piece by piece, and keeps its permit until it ends. Returns how many events it
/// had, and how many requests were in flight while it lasted.
async fn stream(
    request: RequestBuilder,
    mut client: Client,
    handle: &Handle,
) -> Result<(usize, usize), Box<dyn Error>> {
    let mut response = client.ready().await?.call(request.build()?).await?;
    let during = handle.in_flight();
    let mut events = String::new();
    while let Some(piece) = response.chunk().await? {
        events += &String::from_utf8_lossy(&piece);
    }
    Ok((events.matches("data:").count(), during))
}

/// A timeout counts for each attempt from when it was let through, to the end of the body. Returns whether
/// it cut the answer short.
async fn times_out(request: RequestBuilder, mut client: Client) -> Result<bool, Box<dyn Error>> {
    let request = request.timeout(Duration::from_millis(30)).build()?;
    let error = match client.ready().await?.call(request).await {
        Ok(response) => response.bytes().await.err(),
        // The machine was so busy that not even the head came in time.
        Err(error) => Some(error),
    };
    Ok(error.is_some_and(|error| error.is_timeout()))
}
