//! hyper-util's client with the two layers around it: 200 posts at once to an API on loopback that
//! works on five at a time and does not say so.
//!
//! `cargo run --example hyper_client`

use std::error::Error;
use std::process::ExitCode;

use bytes::Bytes;
use embedded_api::Api;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_throttle::retry::Attempts;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

const POSTS: usize = 200;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let api = Api::start(5).await?;
    let url = api.url("/v1/posts");

    // These are the lines to copy. An `https` connector goes into `build` as it would without them.
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new()) // outside: the retries of a request
        .layer(gate) // inside: every attempt passes the gate
        .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());

    let mut posts = JoinSet::new();
    for number in 0..POSTS {
        let mut client = client.clone();
        let request = Request::post(&url).body(Full::from(format!("post {number}")))?;
        posts.spawn(async move {
            let response = client.ready().await?.call(request).await?;
            let sent = Attempts::of(response.extensions()).get();
            let status = response.status();
            // The permit is returned when the body ends.
            response.into_body().collect().await?;
            Ok::<_, Box<dyn Error + Send + Sync>>((status, sent))
        });
    }
    let (mut done, mut again) = (0, 0);
    while let Some(post) = posts.join_next().await {
        match post? {
            Ok((status, sent)) => {
                done += usize::from(status.is_success());
                again += sent - 1;
            }
            Err(error) => eprintln!("a post failed: {error}"),
        }
    }

    let gate = handle.snapshot();
    println!("posts    {done} of {POSTS} done, {again} sent again");
    println!("the API  {}", api.counts());
    println!(
        "the gate limit {}, in flight {}",
        gate.limit, gate.in_flight
    );
    let lost = done < POSTS || gate.in_flight > 0;
    Ok(ExitCode::from(u8::from(lost)))
}
