//! Programs that call a simulated API through the layers, on the paused clock.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

pub(crate) use sim::limits::{Bucket, Opened as Window, Sliding as Log};
pub(crate) use sim::{Arrival, Fate, Server as Api};

pub(crate) fn get(path: &str) -> Request<Full<Bytes>> {
    let request = Request::builder().uri(format!("http://api.example{path}"));
    request.body(Full::default()).unwrap()
}

/// A client without its types.
pub(crate) type Client = tower::util::BoxCloneService<Request<Full<Bytes>>, u16, Infallible>;

fn boxed<S, B>(service: S) -> Client
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: 'static,
{
    let status = |answer: Response<B>| answer.status().as_u16();
    tower::util::BoxCloneService::new(ServiceExt::map_response(service, status))
}

/// Both layers with their defaults.
pub(crate) fn throttled(api: &Api) -> Client {
    boxed(
        ServiceBuilder::new()
            .layer(RetryOn429Layer::new().seed(1))
            .layer(AdaptiveConcurrencyLayer::new().seed(1))
            .service(api.clone()),
    )
}

/// The retry layer alone.
pub(crate) fn retried(api: &Api) -> Client {
    boxed(
        ServiceBuilder::new()
            .layer(RetryOn429Layer::new().seed(1))
            .service(api.clone()),
    )
}

/// Both layers, the inner one with a limit that somebody knew.
pub(crate) fn fixed(api: &Api, limit: usize) -> Client {
    boxed(
        ServiceBuilder::new()
            .layer(RetryOn429Layer::new().seed(1))
            .layer(AdaptiveConcurrencyLayer::with_limit(Fixed::new(limit)).seed(1))
            .service(api.clone()),
    )
}

/// Sends all at once, each from a clone and a task of its own, and takes the seconds until the last is
/// answered. All must be served.
pub(crate) async fn batch(client: &Client, jobs: usize) -> f64 {
    of_kinds(client, jobs, |_| "/".into()).await
}

/// The same with a path for each job.
pub(crate) async fn of_kinds(client: &Client, jobs: usize, path: impl Fn(usize) -> String) -> f64 {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for job in 0..jobs {
        tasks.spawn(client.clone().oneshot(get(&path(job))));
    }
    while let Some(answer) = tasks.join_next().await {
        assert_eq!(answer.unwrap().unwrap(), 200);
    }
    start.elapsed().as_secs_f64()
}

/// A number between 0 and 1 that is the same for the same request of the same run.
pub(crate) fn chance(seed: u64, number: usize) -> f64 {
    fastrand::Rng::with_seed(seed << 32 | number as u64).f64()
}

/// One request, and the status of its answer.
pub(crate) async fn one(client: Client, path: &str) -> u16 {
    client.oneshot(get(path)).await.unwrap()
}
