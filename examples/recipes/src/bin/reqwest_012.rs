//! The two layers around the client of reqwest 0.12, whose types this crate does not know: 200 posts at
//! once to an API on loopback that works on five at a time and does not say so.
//!
//! `cargo run -p recipes --bin reqwest_012`

use std::error::Error;
use std::process::ExitCode;

use embedded_api::Api;
use http_body_util::BodyExt;
use reqwest_012::{Body, Client, Request};
use tokio::task::JoinSet;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

const POSTS: usize = 200;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let api = Api::start(5).await?;
    let url = api.url("/v1/posts");

    // These are the lines to copy.
    let reqwest = Client::new();
    let client = ServiceBuilder::new()
        // `None`, as for a streamed body, gives the request one attempt.
        .layer(RetryOn429Layer::new().clone_request(Request::try_clone))
        .layer(AdaptiveConcurrencyLayer::new())
        .map_response(http::Response::<Body>::from)
        .service(reqwest.clone());

    let mut posts = JoinSet::new();
    for number in 0..POSTS {
        let client = client.clone();
        let request = reqwest.post(&url).body(format!("post {number}")).build()?;
        posts.spawn(async move {
            let response = client.oneshot(request).await?;
            let status = response.status();
            response.into_body().collect().await?;
            Ok::<_, reqwest_012::Error>(status)
        });
    }
    let mut done = 0;
    while let Some(post) = posts.join_next().await {
        match post? {
            Ok(status) => done += usize::from(status.is_success()),
            Err(error) => eprintln!("a post failed: {error}"),
        }
    }
    println!("posts    {done} of {POSTS} done");
    println!("the API  {}", api.counts());
    Ok(ExitCode::from(u8::from(done < POSTS)))
}
