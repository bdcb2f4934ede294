//! tower's layers and ours, with what a careful user writes to go with tower's.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::limit::ConcurrencyLimitLayer;
use tower::retry::{Policy, RetryLayer};
use tower::{Layer, Service, ServiceBuilder};
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::keyed::{Host, KeyedLayer};
use tower_throttle::observe::{Event, Observer, Source};
use tower_throttle::queue::{Priority, PriorityLayer, QueueLayer};
use tower_throttle::spread::SpreadLayer;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::measure::{Contender, RequestBody};

pub(crate) const TOWER_LIMIT: &str = "tower `ConcurrencyLimit`";
pub(crate) const TOWER_RETRY: &str = "tower `Retry`";
pub(crate) const TOWER_BOTH: &str = "tower `Retry` + `ConcurrencyLimit`";
pub(crate) const GATE: &str = "`AdaptiveConcurrency`";
pub(crate) const GATE_FIXED: &str = "`AdaptiveConcurrency`, limit `Fixed`";
pub(crate) const KEYED: &str = "`Keyed` by a number";
pub(crate) const KEYED_HOST: &str = "`Keyed` by `Host`";
pub(crate) const SPREAD: &str = "`Spread` over three `AdaptiveConcurrency`";
pub(crate) const RETRY: &str = "`RetryOn429`";
pub(crate) const BOTH: &str = "`RetryOn429` + `AdaptiveConcurrency`";

pub(crate) const OBSERVED: &str = "`AdaptiveConcurrency`, observed";
pub(crate) const BOTH_OBSERVED: &str = "`RetryOn429` + `AdaptiveConcurrency`, observed";

const CLASS: &str = "`Prioritized` + the two";
const QUEUE: &str = "`Queue` with every bound + the two";

/// How many requests the limits allow: far more than the one that is ever in flight.
const LIMIT: usize = 100;

/// The bare service first, then tower's layers and ours.
pub(crate) fn all() -> Vec<Contender> {
    [two_layers(), built_on_them()]
        .into_iter()
        .flatten()
        .collect()
}

/// The bare service, tower's layers, and the two of ours.
fn two_layers() -> Vec<Contender> {
    let limit = || ConcurrencyLimitLayer::new(LIMIT);
    let retry = || RetryLayer::new(Careful { left: 31 });
    let stack = ServiceBuilder::new;
    vec![
        Contender::new("bare", ReadyService),
        Contender::new(TOWER_LIMIT, stack().layer(limit()).service(ReadyService)),
        Contender::new(
            GATE,
            stack()
                .layer(AdaptiveConcurrencyLayer::new())
                .service(ReadyService),
        ),
        Contender::new(
            GATE_FIXED,
            stack()
                .layer(AdaptiveConcurrencyLayer::with_limit(Fixed::new(LIMIT)))
                .service(ReadyService),
        ),
        Contender::new(TOWER_RETRY, stack().layer(retry()).service(ReadyService)),
        Contender::new(
            RETRY,
            stack().layer(RetryOn429Layer::new()).service(ReadyService),
        ),
        Contender::new(
            TOWER_BOTH,
            stack().layer(retry()).layer(limit()).service(ReadyService),
        ),
        Contender::new(
            BOTH,
            stack()
                .layer(RetryOn429Layer::new())
                .layer(AdaptiveConcurrencyLayer::new())
                .service(ReadyService),
        ),
    ]
}

/// Ours that are built on the two.
fn built_on_them() -> Vec<Contender> {
    let stack = ServiceBuilder::new;
    vec![
        Contender::new(
            KEYED_HOST,
            KeyedLayer::new(Host::of::<Request<RequestBody>>).layer(ReadyService),
        ),
        Contender::new(
            KEYED,
            KeyedLayer::new(|_: &Request<RequestBody>| 0_u64).layer(ReadyService),
        ),
        Contender::new(
            SPREAD,
            SpreadLayer::new([(); 3].map(|()| AdaptiveConcurrencyLayer::new())).layer(ReadyService),
        ),
        Contender::new(
            OBSERVED,
            AdaptiveConcurrencyLayer::new()
                .observe(ignore())
                .layer(ReadyService),
        ),
        Contender::new(
            BOTH_OBSERVED,
            stack()
                .layer(RetryOn429Layer::new().observe(ignore()))
                .layer(AdaptiveConcurrencyLayer::new().observe(ignore()))
                .service(ReadyService),
        ),
        Contender::new(
            CLASS,
            stack()
                .layer(PriorityLayer::new(Priority::BATCH))
                .layer(RetryOn429Layer::new())
                .layer(AdaptiveConcurrencyLayer::new())
                .service(ReadyService),
        ),
        Contender::new(
            QUEUE,
            stack()
                .layer(bounded())
                .layer(RetryOn429Layer::new())
                .layer(AdaptiveConcurrencyLayer::new())
                .service(ReadyService),
        ),
    ]
}

type Class = fn(&Request<RequestBody>) -> Priority;
type TimeLeft = fn(&Request<RequestBody>) -> Option<Duration>;

/// A class and a deadline for each request, and both bounds on the line.
fn bounded() -> QueueLayer<Class, TimeLeft> {
    QueueLayer::new()
        .priority((|_| Priority::INTERACTIVE) as Class)
        .deadline((|_| Some(Duration::from_secs(60))) as TimeLeft)
        .max_wait(Duration::from_secs(30))
        .max_waiting(1000)
}

/// An observer that reads each event, and does nothing about it.
fn ignore() -> impl Observer {
    |source: Source<'_>, event: &Event<'_>| {
        std::hint::black_box((source, event));
    }
}

/// Answers every request at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadyService;

impl Service<Request<RequestBody>> for ReadyService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<RequestBody>) -> Self::Future {
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"{}")))))
    }
}

/// Retries a 429 a number of times. No wait is ever needed here, so it has none.
#[derive(Clone, Debug)]
struct Careful {
    left: u32,
}

impl<B, E> Policy<Request<RequestBody>, Response<B>, E> for Careful {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<RequestBody>,
        result: &mut Result<Response<B>, E>,
    ) -> Option<Ready<()>> {
        let refused =
            matches!(result, Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS);
        if !refused || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
        Some(request.clone())
    }
}
