//! An orderly end: nobody new is sent, what is in flight ends, and those who wait are let out.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt, Channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::GuardedBody;
use tower_throttle::message::{Unsent, UnsentCause};

use crate::support::*;

async fn assert_unsent(response: Response<GuardedBody<Body>>) {
    assert_eq!(response.status(), 503);
    let unsent = Unsent::of(response.extensions()).expect("sent");
    assert_eq!(unsent.cause(), UnsentCause::Closed);
    assert_eq!((unsent.since(), unsent.last_refused()), (None, None));
    let body = response.into_body();
    assert!(body.is_end_stream() && body.get_ref().is_none());
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_let_out_and_what_is_in_flight_ends() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (service, mut server) = gated(&layer);
    let mut sent = service.clone();
    let mut sent = task::spawn(sent.ready().await.unwrap().call(Request::new(())));
    assert_pending!(sent.poll());
    let mut waiting: Vec<_> = (0..5).map(|_| ready(service.clone())).collect();
    waiting
        .iter_mut()
        .for_each(|waiter| assert_pending!(waiter.poll()));
    assert!(!handle.is_closed());

    handle.close();
    assert!(handle.is_closed());
    assert_eq!((handle.in_flight(), handle.waiting()), (1, 0));
    for mut waiter in waiting {
        assert!(waiter.is_woken());
        let mut service = assert_ready_ok!(waiter.poll());
        assert_unsent(service.call(Request::new(())).await.unwrap()).await;
    }
    let mut drained = task::spawn(handle.drained());
    assert_pending!(drained.poll());

    let (_, answering) = server.next_request().await.unwrap();
    answering.send_response(answer(200));
    let response = assert_ready_ok!(sent.poll());
    assert!(Unsent::of(response.extensions()).is_none());
    assert_pending!(drained.poll());
    response.into_body().collect().await.unwrap();
    assert!(drained.is_woken());
    assert_ready!(drained.poll());
    let server = timeout(Duration::from_secs(1), server.next_request());
    assert!(
        !matches!(server.await, Ok(Some(_))),
        "somebody new was sent"
    );
    assert_eq!((handle.accepted(), handle.refused()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_ready_sends_nothing_either() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (service, _server) = gated(&layer);
    let mut service = assert_ready_ok!(ready(service).poll());
    handle.close();
    let drained = task::spawn(handle.drained()).poll();
    assert_pending!(drained, "its permit is still there");
    assert_unsent(service.call(Request::new(())).await.unwrap()).await;
    assert_ready!(task::spawn(handle.drained()).poll());
    // And again, without end.
    for _ in 0..3 {
        let service = service.ready().await.unwrap();
        assert_unsent(service.call(Request::new(())).await.unwrap()).await;
    }
    assert_eq!(handle.in_flight(), 0);
}

/// Is never ready, and must not be called.
#[derive(Clone)]
struct Unready;

impl Service<Request<()>> for Unready {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Pending<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        panic!("called")
    }
}

#[tokio::test(start_paused = true)]
async fn the_inner_service_is_not_waited_for() {
    let layer = fixed(1);
    let mut service = layer.layer(Unready);
    let mut waiting = task::spawn(());
    assert_pending!(waiting.enter(|cx, _| service.poll_ready(cx)));
    layer.handle().close();
    assert_ready!(waiting.enter(|cx, _| service.poll_ready(cx))).unwrap();
    assert_unsent(service.call(Request::new(())).await.unwrap()).await;
    assert_eq!(layer.handle().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_no_reason_to_wait() {
    let layer = AdaptiveConcurrencyLayer::new();
    layer.handle().pause(Duration::from_secs(3600));
    let service = layer.layer(server(Duration::ZERO));
    let waiting = tokio::spawn(service.clone().oneshot(Request::new(())));
    settle().await;
    let start = Instant::now();
    layer.handle().close();
    assert_unsent(waiting.await.unwrap().unwrap()).await;
    assert_unsent(service.oneshot(Request::new(())).await.unwrap()).await;
    layer.handle().drained().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_buffer_above_lives_on() {
    let layer = fixed(1);
    let gated = layer.layer(server(Duration::from_secs(1)));
    let buffered = tower::buffer::Buffer::new(gated, 10);
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let call = buffered.clone().oneshot(Request::new(()));
        calls.spawn(async move {
            let response = call.await.unwrap();
            Unsent::of(response.extensions()).is_some()
        });
    }
    sleep(Duration::from_millis(1500)).await;
    layer.handle().close();
    let unsent = calls.join_all().await.into_iter().filter(|unsent| *unsent);
    let unsent = unsent.count();
    assert_eq!(unsent, 8);
    let response = buffered.oneshot(Request::new(())).await.unwrap();
    assert_unsent(response).await;
}

#[tokio::test(start_paused = true)]
async fn an_open_gate_is_drained_when_nothing_is_under_way() {
    let layer = fixed(2);
    let handle = layer.handle();
    handle.drained().await;
    let service = layer.layer(server(Duration::from_secs(1)));
    for _ in 0..5 {
        let call = service.clone().oneshot(Request::new(()));
        tokio::spawn(async move { drop(call.await) });
    }
    settle().await;
    let start = Instant::now();
    handle.drained().await;
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_reads_is_not_waited_for_and_one_that_is_read_is() {
    for read in [false, true] {
        let layer = fixed(1);
        let (mut sender, body) = Channel::<Bytes, Infallible>::new(8);
        let mut response = Some(Response::new(body));
        let service = layer.layer(tower::service_fn(move |_: Request<()>| {
            std::future::ready(Ok::<_, Infallible>(response.take().unwrap()))
        }));
        let mut response = service.oneshot(Request::new(())).await.unwrap();
        layer.handle().close();
        let start = Instant::now();
        let work = tokio::spawn(async move {
            for _ in 0..20 {
                sleep(Duration::from_millis(500)).await;
                let sent = sender.send_data(Bytes::from_static(b"x")).await;
                if read && sent.is_ok() {
                    response.frame().await.unwrap().unwrap();
                }
            }
            response
        });
        timeout(Duration::from_secs(600), layer.handle().drained())
            .await
            .expect("waits for ever");
        let took = start.elapsed();
        let expected = if read { 10_000..=11_300 } else { 1000..=1200 };
        assert!(expected.contains(&took.as_millis()), "{read}: {took:?}");
        work.abort();
    }
}
