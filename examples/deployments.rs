//! Three deployments for one job: whichever has room serves. By this crate's `Spread`, and by tower's balance.
//!
//! `cargo run --example deployments --features util`

use std::convert::Infallible;
use std::fmt::Debug;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::balance::p2c::Balance;
use tower::buffer::Buffer;
use tower::discover::ServiceList;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_throttle::spread::Spread;
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429Layer};

type Body = Full<Bytes>;

/// How many requests each deployment works on at a time. Nobody is told.
const PLACES: [usize; 3] = [5, 20, 60];
const REQUESTS: usize = 1_000;
const TIME: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> ExitCode {
    let spread = ServiceBuilder::new()
        .layer(RetryOn429Layer::new()) // outside: a retry may go elsewhere
        .service(Spread::new(PLACES.map(deployment)));
    let first = send_all("Spread", spread).await;

    // A balance cannot be cloned, so it stands in a `Buffer`. The box is for the compiler: a task cannot hold the
    // future of this `Buffer` by its own type ("implementation of `From` is not general enough").
    let balance = Balance::new(ServiceList::new(PLACES.map(deployment)));
    let balance = BoxCloneSyncService::new(Buffer::new(balance, REQUESTS));
    let balance = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .service(balance);
    let second = send_all("balance::p2c", balance).await;
    if first && second {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Sends all requests at once, and tells whether all were served.
async fn send_all<S, B, E>(name: &str, client: S) -> bool
where
    S: Service<Request<Body>, Response = Response<B>, Error = E, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Send + 'static,
    E: Debug + Send + 'static,
{
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..REQUESTS {
        let request = Request::new(Full::from("hello"));
        tasks.spawn(client.clone().oneshot(request));
    }
    let mut served = 0;
    while let Some(Ok(answer)) = tasks.join_next().await {
        served += usize::from(answer.is_ok_and(|answer| answer.status().is_success()));
    }
    let best = TIME.mul_f64(REQUESTS as f64 / PLACES.iter().sum::<usize>() as f64);
    let took = start.elapsed();
    println!("{name:<12} {served} of {REQUESTS} in {took:.1?}; at best {best:.1?}");
    served == REQUESTS
}

/// A deployment behind its gate.
fn deployment(places: usize) -> AdaptiveConcurrency<impl Api> {
    let busy = Arc::new(AtomicUsize::new(0));
    let api = service_fn(move |_: Request<Body>| {
        let busy = Arc::clone(&busy);
        async move {
            let mut response = Response::new(Body::default());
            if busy.fetch_add(1, Relaxed) >= places {
                *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            } else {
                sleep(TIME).await;
            }
            busy.fetch_sub(1, Relaxed);
            Ok(response)
        }
    });
    AdaptiveConcurrencyLayer::new().layer(api)
}

/// What a client must be to be sent to by many tasks.
trait Api:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Api for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}
