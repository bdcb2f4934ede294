//! One refusal is everybody's: pauses, whoever asks for them, and the timer that ends them.

#[path = "concurrency/support.rs"]
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, StatusCode};
use support::*;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt};
use tower_throttle::concurrency::limit::{Headroom, Limit, Load, Now, Outcome, Sent};
use tower_throttle::message::HintSink;
use tower_throttle::{AdaptiveConcurrencyLayer, Hint};

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
async fn the_timer_is_handed_on_when_its_waiter_is_dropped() {
    let layer = fixed(1);
    let (service, _server) = gated(&layer);
    layer.handle().pause(Duration::from_secs(1));
    let (mut first, mut second) = (ready(service.clone()), ready(service));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    drop(first);
    assert!(second.is_woken(), "to set the timer");
    assert_pending!(second.poll());
    tokio::time::sleep(Duration::from_millis(1001)).await;
    assert!(second.is_woken());
    assert_ready_ok!(second.poll());
}

#[test]
fn a_gate_of_two_runtimes_survives_the_death_of_the_first() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    for drop_waiter_first in [true, false] {
        let layer = fixed(1);
        let (service, _server) = gated(&layer);
        layer.handle().pause(Duration::from_millis(50));
        let (first, second) = (runtime(), runtime());

        // The timer is set in the first runtime.
        let mut parked = service.clone();
        let mut parked = ready(&mut parked);
        first.block_on(async { assert_pending!(parked.poll()) });
        let mut waiting = ready(service);
        second.block_on(async { assert_pending!(waiting.poll()) });
        assert!(!waiting.is_woken());

        if drop_waiter_first {
            drop(parked);
            drop(first);
        } else {
            // Polled never again, and kept beyond its runtime.
            drop(first);
        }
        assert!(waiting.is_woken(), "to set the timer in its own runtime");
        second.block_on(async {
            assert!(timeout(Duration::from_secs(5), waiting).await.is_ok());
        });
    }
}

/// In real time, in two threads.
#[test]
fn a_runtime_that_stands_still_holds_up_no_other() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().unwrap()
    };
    for still in [1, 20] {
        let layer = fixed(1);
        let (service, _server) = gated(&layer);
        layer.handle().pause(Duration::from_millis(50));

        // The timer is set there, and those who wait there are in front, but nobody runs them.
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let mut parked: Vec<_> = (0..still).map(|_| ready(service.clone())).collect();
        let (begun, begin) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = runtime();
            runtime.block_on(async {
                parked
                    .iter_mut()
                    .for_each(|parked| assert_pending!(parked.poll()));
            });
            begun.send(()).unwrap();
            let _ = wait.recv();
        });
        begin.recv().unwrap();
        runtime().block_on(async {
            for _ in 0..3 {
                let waiting = timeout(Duration::from_secs(20), service.clone().ready_oneshot());
                drop(waiting.await.expect("waits for ever").unwrap());
            }
        });
        drop(go);
        thread.join().unwrap();
        let seen = layer.handle().snapshot();
        assert_eq!((seen.in_flight, seen.waiting), (0, 0));
    }
}

/// Opens every two milliseconds, for one.
#[derive(Clone, Debug, Default)]
struct EveryTwo(Duration);

impl Limit for EveryTwo {
    fn headroom(&mut self, now: &Now, _: Load) -> Headroom {
        Headroom::new(usize::from(now.get() >= self.0), Some(self.0))
    }

    fn on_send(&mut self, now: &Now, _: &Sent, _: Load) {
        self.0 = now.get() + Duration::from_millis(2);
    }

    fn on_outcome(&mut self, _: &Now, _: &Sent, _: Outcome<'_>, _: Load) {}

    fn limit(&self) -> usize {
        1000
    }

    fn set_limit(&mut self, _: usize) {}

    fn set_bounds(&mut self, _: usize, _: usize) {}
}

#[tokio::test(start_paused = true)]
async fn who_is_let_through_leaves_a_timer_for_the_next() {
    let layer = AdaptiveConcurrencyLayer::with_limit(EveryTwo::default());
    let (service, _server) = gated(&layer);
    let start = Instant::now();
    let mut jobs = JoinSet::new();
    for _ in 0..50 {
        let mut service = service.clone();
        jobs.spawn(async move {
            service.ready().await.unwrap();
            service
        });
    }
    let through = jobs.join_all().await;
    // Two milliseconds each, and what a timer adds.
    let took = start.elapsed();
    assert!(took <= Duration::from_millis(3 * 50), "{took:?}");
    drop(through);
}

#[tokio::test(start_paused = true)]
async fn who_is_let_through_has_a_timer_set_that_is_sooner_than_those_there_are() {
    let layer = AdaptiveConcurrencyLayer::with_limit(EveryTwo(Duration::from_millis(5)));
    let (service, _server) = gated(&layer);
    let mut line: Vec<_> = (0..3).map(|_| ready(service.clone())).collect();
    line.iter_mut()
        .for_each(|waiter| assert_pending!(waiter.poll()));
    tokio::time::sleep(Duration::from_millis(6)).await;
    // The first is called, and those behind set a timer for the case that it does not come.
    assert!(line.iter().all(|waiter| waiter.is_woken()));
    assert_pending!(line[1].poll());
    assert_pending!(line[2].poll());
    let _first = assert_ready_ok!(line[0].poll());
    assert!(line[1].is_woken() || line[2].is_woken());
}

/// In real time.
#[test]
fn a_timer_that_is_late_is_set_by_another_runtime() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().unwrap()
    };
    let (still, live) = (runtime(), runtime());
    let layer = fixed(1);
    let (service, _server) = gated(&layer);
    let _holder = assert_ready_ok!(ready(service.clone()).poll());
    let mut waiting = ready(service.clone());
    live.block_on(async { assert_pending!(waiting.poll()) });
    let mut parked: Vec<_> = (0..8).map(|_| ready(service.clone())).collect();
    still.block_on(async {
        let parked = parked.iter_mut();
        parked.for_each(|parked| assert_pending!(parked.poll()));
    });
    // Those behind are woken to set a timer; one does, and then its runtime stands still.
    layer.handle().pause(Duration::from_millis(20));
    assert!(!waiting.is_woken());
    still.block_on(async { assert_pending!(parked[7].poll()) });
    live.block_on(async { tokio::time::sleep(Duration::from_millis(40)).await });
    layer.handle().pause(Duration::from_millis(20));
    assert!(waiting.is_woken(), "to set the timer");
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
