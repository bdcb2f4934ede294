//! A request can be dropped at any moment, and takes everything with it.

use std::sync::Arc;

use http::Response;
use http_body_util::Full;
use tokio_test::task::{self, Spawn};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceExt};
use tower_test::mock;
use tower_throttle::retry::{Backoff, Jitter};
use tower_throttle::{RetryOn429, RetryOn429Layer};

use crate::support::*;

type Answer = Response<Full<bytes::Bytes>>;
type Layered = RetryOn429<mock::Mock<Req, Answer>>;
type Mock = mock::Spawn<Layered>;
type Handle = mock::Handle<Req, Answer>;

fn layer() -> RetryOn429Layer {
    RetryOn429Layer::new().backoff(Backoff::exponential(secs(1), secs(1)).jitter(Jitter::None))
}

fn spawn() -> (Mock, Handle) {
    mock::spawn_layer(layer())
}

/// A request whose first attempt was refused, and whose second is due in a second.
async fn refused(
    service: &mut Mock,
    handle: &mut Handle,
) -> Spawn<<Layered as Service<Req>>::Future> {
    assert_ready_ok!(service.poll_ready());
    let mut response = task::spawn(service.call(get()));
    let (_, send) = handle.next_request().await.unwrap();
    send.send_response(status(429));
    assert_pending!(response.poll());
    response
}

#[tokio::test(start_paused = true)]
async fn the_inner_service_decides_when_it_is_ready() {
    let (mut service, mut handle) = spawn();
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());
    let mut response = task::spawn(service.call(get()));
    assert_pending!(response.poll());
    let (_, send) = handle.next_request().await.unwrap();
    send.send_response(status(200));
    assert!(response.is_woken());
    assert_eq!(assert_ready_ok!(response.poll()).status(), 200);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_inner_service_is_passed_on() {
    let (mut service, mut handle) = spawn();
    handle.send_error("down");
    assert_eq!(
        assert_ready!(service.poll_ready()).unwrap_err().to_string(),
        "down"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_while_a_retry_waits_to_be_sent_is_returned() {
    let (mut service, mut handle) = spawn();
    let mut response = refused(&mut service, &mut handle).await;
    handle.send_error("down");
    tokio::time::sleep(ms(1001)).await;
    assert!(response.is_woken());
    assert_eq!(
        assert_ready!(response.poll()).unwrap_err().to_string(),
        "down"
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_until_the_inner_service_is_ready() {
    let (mut service, mut handle) = spawn();
    handle.allow(1);
    let mut response = refused(&mut service, &mut handle).await;
    tokio::time::sleep(ms(1001)).await;
    assert_pending!(response.poll());
    assert_pending!(task::spawn(handle.next_request()).poll());
    handle.allow(1);
    assert!(response.is_woken());
    assert_pending!(response.poll());
    let (_, send) = handle.next_request().await.unwrap();
    send.send_response(status(200));
    assert_eq!(assert_ready_ok!(response.poll()).status(), 200);
}

#[tokio::test(start_paused = true)]
async fn no_permit_is_held_while_a_request_waits() {
    let limit = GlobalConcurrencyLimitLayer::new(1);
    let service = layer().layer(limit.layer(script([status(429)])));
    let mut waiting = task::spawn(service.clone().oneshot(get()));
    assert_pending!(waiting.poll());
    // There is but one permit, and this one gets it.
    let other = tokio::time::timeout(ms(500), service.oneshot(get())).await;
    assert_eq!(other.unwrap().unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn dropped_before_it_is_polled() {
    let alive = Arc::new(());
    let mut service = layer().layer(script([status(429)]));
    let mut request = get();
    request.extensions_mut().insert(Arc::clone(&alive));
    service.ready().await.unwrap();
    let future = service.call(request);
    service.get_mut().seen.lock().unwrap().clear();
    drop(future);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[tokio::test(start_paused = true)]
async fn dropped_in_an_attempt() {
    let alive = Arc::new(());
    let (mut service, mut handle) = spawn();
    let mut request = get();
    request.extensions_mut().insert(Arc::clone(&alive));
    assert_ready_ok!(service.poll_ready());
    let mut response = task::spawn(service.call(request));
    assert_pending!(response.poll());
    let (sent, send) = handle.next_request().await.unwrap();
    drop((response, sent));
    send.send_response(status(200));
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[tokio::test(start_paused = true)]
async fn dropped_while_a_refused_answer_is_read() {
    let alive = Arc::new(());
    let body = TestBody::default().alive(&alive).then(Then::Pend);
    let answer = Response::builder().status(429).body(body).unwrap();
    let mut response = task::spawn(layer().layer(script([answer])).oneshot(get()));
    assert_pending!(response.poll());
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(response);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[tokio::test(start_paused = true)]
async fn dropped_in_the_wait() {
    let inner = script([status(429)]);
    let mut response = task::spawn(layer().layer(inner.clone()).oneshot(get()));
    assert_pending!(response.poll());
    drop(response);
    tokio::time::sleep(secs(10)).await;
    assert_eq!(inner.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn dropped_while_the_inner_service_is_not_ready() {
    let (mut service, mut handle) = spawn();
    handle.allow(1);
    let mut response = refused(&mut service, &mut handle).await;
    tokio::time::sleep(ms(1001)).await;
    assert_pending!(response.poll());
    drop(response);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
}

#[tokio::test(start_paused = true)]
async fn a_service_dropped_in_the_pause_leaves_the_others_alone() {
    let layer = layer();
    tokio::spawn(layer.layer(script([retry_after(10)])).oneshot(get()));
    tokio::task::yield_now().await;
    let mut waiting = task::spawn(layer.layer(script([status(200)])).oneshot(get()));
    assert_pending!(waiting.poll());
    drop(waiting);
    let response = answer_of(layer.layer(script([status(204)]))).await;
    assert_eq!(response.status(), 204);
}
