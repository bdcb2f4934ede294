//! http-cache-tower's cache above both layers: what it answers needs no permit, and is not held up by
//! a pause.
//!
//! `cargo run -p http_cache`

use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use embedded_api::{Answer, Api, posts};
use http::{HeaderValue, Request, Response, header::CACHE_CONTROL};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use http_cache::MokaManager;
use http_cache_tower::HttpCacheLayer;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

/// How many different pages there are, and how often each is asked for again.
const PAGES: usize = 20;
const AGAIN: usize = 10;

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    let well = run().await?;
    Ok(ExitCode::from(u8::from(!well)))
}

/// Fetches the pages and says how it went; whether all is well.
async fn run() -> Result<bool, BoxError> {
    let api = Api::with_handler(5, cacheable).await?;

    // These are the lines to copy.
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let stack = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());
    let client = ServiceBuilder::new()
        .layer(HttpCacheLayer::new(MokaManager::default()))
        // The cache passes readiness through before it knows whether it has the page. Here a permit is only waited for when
        // something is to be sent.
        .service(service_fn(move |request| stack.clone().oneshot(request)));

    let first = fetch(&client, &api, 1).await?;
    let sent = handle.accepted();

    // Nobody is let through for a minute, and what is in the cache needs nobody's leave.
    handle.pause(Duration::from_secs(60));
    let start = Instant::now();
    let again = fetch(&client, &api, AGAIN).await?;
    let took = start.elapsed();

    let gate = handle.snapshot();
    println!(
        "fetched  {first} pages, with {sent} permits, {} refused",
        gate.refused
    );
    println!(
        "again    {again} pages in {} ms of a pause, with {} permits",
        took.as_millis(),
        gate.accepted - sent,
    );
    println!("the API  worked on {} requests", api.counts().accepted);
    Ok(first == PAGES
        && again == PAGES * AGAIN
        && gate.accepted == sent
        && gate.in_flight == 0
        && took < Duration::from_secs(30))
}

/// Asks for every page `times` times, all at once. Returns how many requests were answered.
async fn fetch<S, B>(client: &S, api: &Api, times: usize) -> Result<usize, BoxError>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError> + Send>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let mut pages = JoinSet::new();
    for page in 0..PAGES * times {
        let request = Request::get(api.url(&format!("/v1/pages/{}", page % PAGES)));
        let answer = client.clone().oneshot(request.body(Full::default())?);
        pages.spawn(async move {
            let answer = answer.await.map_err(Into::into)?;
            let status = answer.status();
            answer.into_body().collect().await.map_err(Into::into)?;
            Ok::<_, BoxError>(status)
        });
    }
    let mut done = 0;
    while let Some(page) = pages.join_next().await {
        match page? {
            Ok(status) => done += usize::from(status.is_success()),
            Err(error) => eprintln!("a page failed: {error}"),
        }
    }
    Ok(done)
}

/// The answer to a post, to be kept for a minute.
async fn cacheable(request: Request<Bytes>) -> Answer {
    let mut answer = posts(request).await;
    let keep = HeaderValue::from_static("max-age=60");
    answer.headers_mut().insert(CACHE_CONTROL, keep);
    answer
}

#[cfg(test)]
mod tests;
