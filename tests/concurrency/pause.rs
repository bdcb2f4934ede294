//! One refusal is everybody's: pauses, whoever asks for them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, StatusCode};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt};
use tower_throttle::message::HintSink;
use tower_throttle::{AdaptiveConcurrencyLayer, Hint};

use crate::support::*;

/// Sends one request and has the server answer it.
async fn exchange(
    service: &Gated,
    server: &mut Handle,
    answer: http::Response<Body>,
) -> http::Response<tower_throttle::concurrency::GuardedBody<Body>> {
    let mut service = service.clone();
    let mut response = task::spawn(service.ready().await.unwrap().call(Request::new(())));
    assert_pending!(response.poll());
    server.next_request().await.unwrap().1.send_response(answer);
    assert_ready_ok!(response.poll())
}

fn hint(status: u16, retry_after: &'static str) -> Hint {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from_static(retry_after));
    let status = StatusCode::from_u16(status).unwrap();
    Hint::parse(status, &headers, None, std::time::SystemTime::UNIX_EPOCH)
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_holds_everybody_and_releases_in_order() {
    let layer = fixed(3);
    let handle = layer.handle();
    let (service, mut server) = gated(&layer);
    let start = Instant::now();
    exchange(&service, &mut server, refusal("10")).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut jobs = JoinSet::new();
    for i in 0..20 {
        let (mut service, order) = (service.clone(), Arc::clone(&order));
        jobs.spawn(async move {
            service.ready().await.unwrap();
            order.lock().unwrap().push((i, start.elapsed()));
            tokio::time::sleep(Duration::from_millis(1)).await;
        });
    }
    settle().await;
    assert_eq!(
        (handle.in_flight(), handle.waiting(), handle.refused()),
        (0, 20, 1)
    );
    jobs.join_all().await;
    let order = order.lock().unwrap();
    assert!(order.is_sorted_by_key(|(i, _)| *i), "{order:?}");
    let first = order[0].1;
    // Never early, and late by no more than half a second; tokio's timer has a millisecond.
    assert!(first >= Duration::from_secs(10), "{first:?}");
    assert!(first <= Duration::from_millis(10_502), "{first:?}");
    assert_eq!(order[2].1, first, "as many as the limit allows go at once");
}

#[tokio::test(start_paused = true)]
async fn those_who_waited_before_the_refusal_are_held_too() {
    let layer = fixed(1);
    let (service, mut server) = gated(&layer);
    let start = Instant::now();
    let mut first = service.clone();
    let mut response = task::spawn(first.ready().await.unwrap().call(Request::new(())));
    let waiting = tokio::spawn(async move {
        let mut service = service;
        service.ready().await.map(drop).unwrap();
        start.elapsed()
    });
    settle().await;
    assert_eq!(layer.handle().waiting(), 1);
    server
        .next_request()
        .await
        .unwrap()
        .1
        .send_response(refusal("2"));
    assert_ready_ok!(response.poll());
    let waited = waiting.await.unwrap();
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    assert!(
        waited <= Duration::from_millis(2102),
        "5 % at most: {waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_jitter_is_upward_and_differs() {
    let mut seen = Vec::new();
    for _ in 0..100 {
        let layer = fixed(1);
        let (service, mut server) = gated(&layer);
        exchange(&service, &mut server, refusal("2")).await;
        let pause = layer.handle().pause_remaining().unwrap();
        assert!(pause >= Duration::from_secs(2), "{pause:?}");
        assert!(pause <= Duration::from_millis(2100), "{pause:?}");
        seen.push(pause);
    }
    seen.sort();
    seen.dedup();
    assert!(seen.len() > 90, "only {} different", seen.len());
}

#[tokio::test(start_paused = true)]
async fn an_over_long_wait_pauses_nobody() {
    let layer = fixed(1);
    let (service, mut server) = gated(&layer);
    exchange(&service, &mut server, refusal("121")).await;
    assert_eq!(layer.handle().pause_remaining(), None);
    exchange(&service, &mut server, refusal("259200")).await;
    assert_eq!(layer.handle().pause_remaining(), None);
    assert_eq!(layer.handle().refused(), 2);
    exchange(&service, &mut server, refusal("120")).await;
    assert!(layer.handle().pause_remaining().unwrap() >= Duration::from_secs(120));
}

#[tokio::test(start_paused = true)]
async fn max_pause_moves_the_cap() {
    let layer = fixed(1).max_pause(Duration::from_secs(3));
    let (service, mut server) = gated(&layer);
    exchange(&service, &mut server, refusal("4")).await;
    assert_eq!(layer.handle().pause_remaining(), None);
    exchange(&service, &mut server, refusal("3")).await;
    assert!(layer.handle().pause_remaining().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_on_a_success_pauses_nobody() {
    let layer = fixed(1);
    let (service, mut server) = gated(&layer);
    let mut response = refusal("10");
    *response.status_mut() = StatusCode::OK;
    let response = exchange(&service, &mut server, response).await;
    assert!(response.extensions().get::<HintSink>().is_none());
    assert_eq!(layer.handle().pause_remaining(), None);
}

#[tokio::test(start_paused = true)]
async fn a_shorter_wait_does_not_shorten_a_pause() {
    let layer = fixed(2);
    let handle = layer.handle();
    let (service, mut server) = gated(&layer);
    let mut services = [service.clone(), service.clone()];
    let mut responses = Vec::new();
    for service in &mut services {
        responses.push(task::spawn(
            service.ready().await.unwrap().call(Request::new(())),
        ));
    }
    server
        .next_request()
        .await
        .unwrap()
        .1
        .send_response(refusal("60"));
    assert_ready_ok!(responses[0].poll());
    let pause = handle.pause_remaining();
    server
        .next_request()
        .await
        .unwrap()
        .1
        .send_response(refusal("1"));
    assert_ready_ok!(responses[1].poll());
    assert_eq!(handle.pause_remaining(), pause);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_carries_the_hint_and_a_sink_for_it() {
    let layer = fixed(1);
    let (service, mut server) = gated(&layer);
    let response = exchange(&service, &mut server, answer(429)).await;
    assert!(response.extensions().get::<Hint>().unwrap().is_refusal());
    assert_eq!(
        layer.handle().pause_remaining(),
        None,
        "the head said nothing of a wait"
    );

    // A retry above read the body.
    let sink = response.extensions().get::<HintSink>().unwrap().clone();
    let mut waiting = ready(service.clone());
    sink.refine(&hint(429, "5"));
    let pause = layer.handle().pause_remaining().unwrap();
    assert!(pause >= Duration::from_secs(5), "{pause:?}");
    assert_pending!(waiting.poll());
    tokio::time::sleep(Duration::from_millis(5252)).await;
    assert!(waiting.is_woken());
    assert_ready_ok!(waiting.poll());
}

#[tokio::test(start_paused = true)]
async fn a_refined_hint_pauses_those_who_wait_already() {
    let layer = fixed(1);
    let (service, mut server) = gated(&layer);
    let response = exchange(&service, &mut server, answer(429)).await;
    let holder = assert_ready_ok!(ready(service.clone()).poll());
    let mut waiting = ready(service);
    assert_pending!(waiting.poll());
    response
        .extensions()
        .get::<HintSink>()
        .unwrap()
        .refine(&hint(429, "5"));
    // Woken, to set the timer in its own runtime.
    assert!(waiting.is_woken());
    assert_pending!(waiting.poll());
    drop(holder);
    assert_pending!(waiting.poll());
    tokio::time::sleep(Duration::from_millis(5252)).await;
    assert_ready_ok!(waiting.poll());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_in_an_answer_that_says_nothing() {
    let (service, mut server) = gated(&fixed(1));
    let response = exchange(&service, &mut server, answer(200)).await;
    assert!(response.extensions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_handle_pauses_and_resumes() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (service, _server) = gated(&layer);
    handle.pause(Duration::from_secs(60));
    assert_eq!(handle.pause_remaining(), Some(Duration::from_secs(60)));
    let mut waiting = ready(service);
    assert_pending!(waiting.poll());
    handle.resume();
    assert_eq!(handle.pause_remaining(), None);
    assert!(waiting.is_woken());
    assert_ready_ok!(waiting.poll());
}

#[tokio::test(start_paused = true)]
async fn a_pause_for_ever_is_no_overflow() {
    let layer = fixed(1);
    let (service, _server) = gated(&layer);
    layer.handle().pause(Duration::MAX);
    layer.handle().pause(Duration::MAX);
    let mut waiting = ready(service);
    assert_pending!(waiting.poll());
    layer.handle().resume();
    assert_ready_ok!(waiting.poll());
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_prolonged_lasts_to_its_new_end() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (mut service, _server) = gated(&layer);
    handle.pause(Duration::from_secs(1));
    let start = Instant::now();
    let waiting = tokio::spawn(async move {
        service.ready().await.map(drop).unwrap();
        start.elapsed()
    });
    settle().await;
    handle.pause(Duration::from_secs(5));
    let waited = waiting.await.unwrap();
    assert!(
        waited >= Duration::from_secs(5) && waited < Duration::from_millis(5010),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_default_layer_pauses_as_well() {
    let layer = AdaptiveConcurrencyLayer::default();
    let (service, mut server) = gated(&layer);
    exchange(&service, &mut server, refusal("1")).await;
    assert!(layer.handle().pause_remaining().is_some());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_held_for_longer_than_the_longest_pause() {
    for (max, asked) in [(120, 31_536_000), (120, 121), (30, 60)] {
        let layer = AdaptiveConcurrencyLayer::new().max_pause(Duration::from_secs(max));
        let service = layer.layer(tower::service_fn(move |_: Request<()>| {
            let mut refused = answer(429);
            refused.headers_mut().insert("retry-after", asked.into());
            std::future::ready(Ok::<_, std::convert::Infallible>(refused))
        }));
        let start = Instant::now();
        for _ in 0..3 {
            drop(service.clone().oneshot(Request::new(())).await.unwrap());
        }
        let held = start.elapsed();
        assert!(held < Duration::from_secs(10), "{max}, {asked}: {held:?}");
    }
}
