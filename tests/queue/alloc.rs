//! What classes and bounds cost a request that need not wait: no allocation.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service};
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::queue::{Priority, PriorityLayer};
use tower_throttle::{AdaptiveConcurrencyLayer, QueueLayer};

use crate::support::secs;

type Answer = Ready<Result<Response<Full<bytes::Bytes>>, Infallible>>;

fn call<S: Service<Request<()>>>(service: &mut S) {
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(service.poll_ready(cx).is_ready());
    let Poll::Ready(Ok(_)) = pin!(service.call(Request::new(()))).poll(cx) else {
        panic!("it is ready at once")
    };
}

fn allocates_nothing<S: Service<Request<()>>>(mut service: S) {
    call(&mut service);
    let counted = allocation_counter::measure(|| (0..1000).for_each(|_| call(&mut service)));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_request_that_need_not_wait_allocates_nothing() {
    let inner = |_: Request<()>| -> Answer { ready(Ok(Response::new(Full::default()))) };
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(4));
    let gated = || gate.layer(tower::service_fn(inner));
    allocates_nothing(PriorityLayer::new(Priority::BATCH).layer(gated()));
    allocates_nothing(QueueLayer::new().layer(gated()));
    let bounded = QueueLayer::new()
        .priority(|_: &Request<()>| Priority::INTERACTIVE)
        .max_wait(secs(1))
        .max_waiting(10);
    allocates_nothing(bounded.clone().layer(gated()));
    allocates_nothing(bounded.reject_when_full().layer(gated()));
}

#[tokio::test(start_paused = true)]
async fn nor_does_one_with_a_deadline() {
    let inner = |_: Request<()>| -> Answer { ready(Ok(Response::new(Full::default()))) };
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(4));
    let layer = QueueLayer::new().deadline(|_: &Request<()>| Some(secs(1)));
    allocates_nothing(layer.layer(gate.layer(tower::service_fn(inner))));
}
