//! reqwest-middleware's client, (a) with the two layers around it and (b) with `ThrottleMiddleware`
//! inside it: 200 posts at once each, to an API on loopback that works on five at a time and does not
//! say so.
//!
//! `cargo run --example reqwest_middleware --features reqwest-middleware`

use std::error::Error;
use std::process::ExitCode;

use embedded_api::Api;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tokio::task::JoinSet;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_throttle::concurrency::Handle;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer, ThrottleMiddleware};

const POSTS: usize = 200;

type Posts = JoinSet<reqwest_middleware::Result<String>>;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let around = around().await?;
    let inside = inside().await?;
    Ok(ExitCode::from(u8::from(!around || !inside)))
}

/// The layers around the client, which is a tower service.
async fn around() -> Result<bool, Box<dyn Error>> {
    let api = Api::start(5).await?;
    let plain = ClientWithMiddleware::from(reqwest::Client::new());

    // These are the lines to copy.
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new()) // outside: the retries of a request
        .layer(gate) // inside: every attempt passes the gate
        .service(plain.clone());

    let mut posts = Posts::new();
    for number in 0..POSTS {
        let mut client = client.clone();
        let request = plain.post(api.url("/v1/posts"));
        let request = request.body(format!("post {number}")).build()?;
        posts.spawn(async move {
            let response = client.ready().await?.call(request).await?;
            Ok(response.error_for_status()?.text().await?)
        });
    }
    finish("around", posts, &api, &handle).await
}

/// The layers inside the client, which keeps its type and its methods.
async fn inside() -> Result<bool, Box<dyn Error>> {
    let api = Api::start(5).await?;

    // These are the lines to copy.
    let throttle = ThrottleMiddleware::new();
    let handle = throttle.gate_handle();
    let client = ClientBuilder::new(reqwest::Client::new())
        .with(throttle)
        .build();

    let mut posts = Posts::new();
    for number in 0..POSTS {
        let request = client.post(api.url("/v1/posts"));
        let request = request.body(format!("post {number}"));
        posts.spawn(async move { Ok(request.send().await?.error_for_status()?.text().await?) });
    }
    finish("inside", posts, &api, &handle).await
}

/// Waits for the posts and says what came of them; whether all is well.
async fn finish(
    name: &str,
    mut posts: Posts,
    api: &Api,
    handle: &Handle,
) -> Result<bool, Box<dyn Error>> {
    let mut done = 0;
    while let Some(post) = posts.join_next().await {
        match post? {
            Ok(_) => done += 1,
            Err(error) => eprintln!("a post failed: {error}"),
        }
    }
    let gate = handle.snapshot();
    println!("{name}   {done} of {POSTS} posts done");
    println!("the API  {}", api.counts());
    println!(
        "the gate limit {}, in flight {}",
        gate.limit, gate.in_flight
    );
    Ok(done == POSTS && gate.in_flight == 0)
}
