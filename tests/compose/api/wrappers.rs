//! What wraps a service or a body gives it back.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use tower_throttle::concurrency::GuardedBody;
use tower_throttle::retry::{ResponseBody, SingleUse};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

type Body = Full<Bytes>;

/// An inner service, and how to tell which one it is.
#[derive(Clone, Debug, PartialEq)]
struct Inner(u8);

#[test]
fn the_layers_give_their_service_back() {
    let mut retries = RetryOn429::new(Inner(1));
    retries.get_mut().0 += 1;
    assert_eq!(*retries.get_ref(), Inner(2));
    assert_eq!(retries.into_inner(), Inner(2));

    let mut gate = AdaptiveConcurrency::new(Inner(1));
    gate.get_mut().0 += 1;
    assert_eq!(*gate.get_ref(), Inner(2));
    assert_eq!(gate.into_inner(), Inner(2));
}

#[cfg(feature = "reqwest-middleware")]
#[test]
fn the_middleware_gives_its_layer_back() {
    let mut throttle = tower_throttle::ThrottleMiddleware::with_layer(Inner(1));
    throttle.get_mut().0 += 1;
    assert_eq!(*throttle.get_ref(), Inner(2));
    assert_eq!(throttle.into_inner(), Inner(2));
}

#[test]
fn a_request_body_is_given_back() {
    let mut body = SingleUse::new(Inner(1));
    body.get_mut().0 += 1;
    assert_eq!(*body.get_ref(), Inner(2));
    assert_eq!(body.into_inner(), Inner(2));
}

/// One answer with this status, through both layers.
async fn answer(status: u16) -> Response<ResponseBody<GuardedBody<Body>>> {
    let client = service_fn(move |_: Request<Body>| async move {
        let response = Response::builder().status(status);
        Ok::<_, Infallible>(response.body(Body::from("hello")).unwrap())
    });
    let retries = RetryOn429Layer::new().max_attempts(1);
    let client = retries.layer(AdaptiveConcurrencyLayer::new().layer(client));
    client.oneshot(Request::new(Body::default())).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_response_body_is_given_back_as_the_client_gave_it() {
    let mut body = answer(200).await.into_body();
    assert!(body.get_ref().is_some());
    assert!(body.get_mut().and_then(GuardedBody::get_mut).is_some());
    let inner = body.into_inner().unwrap().into_inner().unwrap();
    assert_eq!(inner.collect().await.unwrap().to_bytes(), "hello");
}

/// Otherwise the inner body lacks what the layer has read.
#[tokio::test(start_paused = true)]
async fn a_response_body_that_was_read_stays_whole() {
    let mut body = answer(429).await.into_body();
    assert!(body.get_ref().is_none());
    assert!(body.get_mut().is_none());
    let whole = body.into_inner().unwrap_err();
    assert_eq!(whole.collect().await.unwrap().to_bytes(), "hello");
}
