//! Headers the layer adds when it was asked to.

use http::{HeaderName, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::IdempotencyKey;

use crate::support::*;

async fn headers(layer: RetryOn429Layer, request: Req, name: &str) -> Vec<String> {
    let inner = script([status(429), status(429)]);
    layer.layer(inner.clone()).oneshot(request).await.unwrap();
    let seen = inner.seen.lock().unwrap();
    let values = seen.iter().map(|(_, request)| {
        assert!(request.headers().get_all(name).iter().count() <= 1);
        request
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
            .to_owned()
    });
    values.collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_added_by_default() {
    let inner = script([status(429)]);
    answer_of(RetryOn429Layer::new().layer(inner.clone())).await;
    assert!(inner.all(|sent| sent.headers().is_empty()));
}

#[tokio::test(start_paused = true)]
async fn the_attempt_header_counts_from_one() {
    let layer = RetryOn429Layer::new().attempt_header(HeaderName::from_static("x-attempt"));
    assert_eq!(headers(layer, get(), "x-attempt").await, ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn the_idempotency_key_is_the_same_in_all_attempts_and_differs_between_requests() {
    let layer = RetryOn429Layer::new().idempotency_key(IdempotencyKey::Bare);
    let one = headers(layer.clone(), post("a"), "idempotency-key").await;
    let two = headers(layer, post("a"), "idempotency-key").await;
    assert_eq!(one.len(), 3);
    assert!(one.iter().all(|key| *key == one[0] && key.len() == 36));
    assert_ne!(one[0], two[0]);
}

#[tokio::test(start_paused = true)]
async fn a_key_the_request_has_is_kept() {
    let mut request = post("a");
    request
        .headers_mut()
        .insert("idempotency-key", "mine".parse().unwrap());
    let layer = RetryOn429Layer::new().idempotency_key(IdempotencyKey::Quoted);
    assert_eq!(
        headers(layer, request, "idempotency-key").await,
        ["mine", "mine", "mine"]
    );
}

#[tokio::test(start_paused = true)]
async fn all_of_a_request_is_sent_again() {
    let inner = script([status(429)]);
    let mut request = post("body");
    request
        .headers_mut()
        .insert("authorization", "secret".parse().unwrap());
    request.extensions_mut().insert(7_u32);
    *request.version_mut() = http::Version::HTTP_10;
    RetryOn429Layer::new()
        .layer(inner.clone())
        .oneshot(request)
        .await
        .unwrap();
    let mut seen = inner.seen.lock().unwrap();
    let (_, again) = seen.pop().unwrap();
    let (_, first) = seen.pop().unwrap();
    assert_eq!((first.method(), first.uri()), (again.method(), again.uri()));
    assert_eq!(
        (first.version(), first.headers()),
        (again.version(), again.headers())
    );
    assert_eq!(again.extensions().get(), Some(&7_u32));
    let _: (Response<()>, Full<bytes::Bytes>) = (Response::new(()), again.into_body());
}

/// A request with as many header names as a `HeaderMap` takes.
fn full() -> Req {
    let mut request = post("a");
    for number in 0..24_576 {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        request.headers_mut().insert(name, 0.into());
    }
    request
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_no_more_headers_is_sent_without() {
    let layer = RetryOn429Layer::new()
        .attempt_header(HeaderName::from_static("x-attempt"))
        .idempotency_key(IdempotencyKey::Bare);
    let sent = headers(layer.clone(), full(), "x-attempt").await;
    assert_eq!(sent, ["", "", ""]);
    let sent = headers(layer, full(), "idempotency-key").await;
    assert_eq!(sent, ["", "", ""]);
}

#[tokio::test(start_paused = true)]
async fn a_number_that_a_full_request_has_is_still_replaced() {
    let layer = RetryOn429Layer::new().attempt_header(HeaderName::from_static("x-7"));
    assert_eq!(headers(layer, full(), "x-7").await, ["1", "2", "3"]);
}
