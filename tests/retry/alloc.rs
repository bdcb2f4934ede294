//! What a request costs that is served at once: the copy for a retry, and nothing else.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Waker};

use allocation_counter::{AllocationInfo, measure};
use http::Response;
use tower::{Layer, Service, service_fn};
use tower_throttle::RetryOn429Layer;
use tower_throttle::message::ReplayRequest;

use crate::support::*;

fn request() -> Req {
    let mut request = post("hello");
    request
        .headers_mut()
        .insert("authorization", "Bearer key".parse().unwrap());
    request
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    request
}

/// The allocations of one call, the making of the request aside.
fn call(
    layer: &RetryOn429Layer,
    answer: fn() -> Response<http_body_util::Full<bytes::Bytes>>,
) -> AllocationInfo {
    let mut service = layer.layer(service_fn(move |_: Req| {
        ready(Ok::<_, Infallible>(answer()))
    }));
    let request = request();
    let mut cx = Context::from_waker(Waker::noop());
    measure(|| {
        assert!(service.poll_ready(&mut cx).is_ready());
        let response = pin!(service.call(request)).poll(&mut cx);
        assert!(response.is_ready());
    })
}

#[test]
fn a_request_served_at_once_costs_its_copy() {
    let copied = request();
    let copy = measure(|| drop(ReplayRequest::try_clone(&copied)));
    let layer = RetryOn429Layer::new();
    for answer in [|| status(200), || status(302)] {
        let made = measure(|| drop(answer()));
        let cost = call(&layer, answer);
        assert_eq!(cost.count_total, copy.count_total + made.count_total);
    }
}

#[test]
fn without_retries_it_costs_nothing() {
    let made = measure(|| drop(status(200)));
    let cost = call(&RetryOn429Layer::new().max_attempts(1), || status(200));
    assert_eq!(cost.count_total, made.count_total);
}
