//! A handle that watches the gate.

use std::time::Duration;

use http::Request;
use tokio::time::{Instant, timeout};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt};
use tower_throttle::Hint;
use tower_throttle::message::HintSink;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_watch_tells_of_every_change() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (service, _server) = gated(&layer);
    let mut watch = handle.watch();
    macro_rules! told {
        () => {{
            let mut changed = task::spawn(watch.changed());
            let seen = assert_ready!(changed.poll());
            drop(changed);
            assert_pending!(task::spawn(watch.changed()).poll());
            seen
        }};
    }
    assert_pending!(task::spawn(watch.changed()).poll());
    let holder = assert_ready_ok!(ready(service.clone()).poll());
    assert_eq!(told!().in_flight, 1);
    let mut waiting = ready(service.clone());
    assert_pending!(waiting.poll());
    assert_eq!(told!().waiting, 1);
    drop(waiting);
    assert_eq!(told!().waiting, 0);
    handle.set_limit(7);
    assert_eq!(told!().limit, 7);
    drop(holder);
    assert_eq!(told!().in_flight, 0);
    handle.pause(Duration::from_secs(1));
    let mut changed = task::spawn(watch.changed());
    assert!(assert_ready!(changed.poll()).pause_remaining.is_some());
    drop(changed);
    handle.resume();
    assert_eq!(told!().pause_remaining, None);
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_woken_by_every_change() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (service, mut server) = gated(&layer);
    let mut watch = handle.watch();
    /// Does something, and returns the numbers that a `Watch` is woken for.
    macro_rules! woken_by {
        ($what:expr) => {{
            let mut changed = task::spawn(watch.changed());
            assert_pending!(changed.poll());
            let result = $what;
            assert!(changed.is_woken(), "{}", stringify!($what));
            (assert_ready!(changed.poll()), result)
        }};
    }
    let (seen, mut holder) = woken_by!(assert_ready_ok!(ready(service.clone()).poll()));
    assert_eq!(seen.in_flight, 1);
    let mut response = task::spawn(holder.call(Request::new(())));
    let (_, answering) = server.next_request().await.unwrap();
    answering.send_response(answer(200));
    let (seen, answered) = woken_by!(assert_ready_ok!(response.poll()));
    assert_eq!((seen.in_flight, seen.accepted), (1, 1));
    // The body gives its permit back.
    let (seen, ()) = woken_by!(drop(answered));
    assert_eq!(seen.in_flight, 0);
    drop(response);
    // A call that nobody answers is void.
    let mut parked = ready(service.clone());
    let holder = assert_ready_ok!(ready(service.clone()).poll());
    assert_pending!(parked.poll());
    drop(holder);
    tokio::time::advance(Duration::from_millis(10)).await;
    assert_eq!(
        assert_ready!(task::spawn(watch.changed()).poll()).waiting,
        1
    );
    let (seen, ()) = woken_by!(handle.set_min(3));
    assert_eq!((seen.limit, seen.waiting), (3, 1));
    let mut newcomer = ready(service.clone());
    handle.pause(Duration::from_secs(1));
    assert_ready!(task::spawn(watch.changed()).poll());
    let (seen, ()) = woken_by!(assert_pending!(newcomer.poll()));
    assert_eq!(seen.waiting, 1, "the one that parked is out");
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_woken_when_a_call_is_void() {
    let layer = fixed(1);
    let (service, _server) = gated(&layer);
    let holder = assert_ready_ok!(ready(service.clone()).poll());
    let (mut parked, mut second) = (ready(service.clone()), ready(service));
    assert_pending!(parked.poll());
    assert_pending!(second.poll());
    drop(holder);
    assert_pending!(second.poll());
    let mut watch = layer.handle().watch();
    let mut changed = task::spawn(watch.changed());
    assert_pending!(changed.poll());
    tokio::time::sleep(Duration::from_millis(11)).await;
    assert!(changed.is_woken());
    assert_eq!(assert_ready!(changed.poll()).waiting, 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_woken_for_a_pause_that_only_the_body_tells() {
    let layer = fixed(1);
    let handle = layer.handle();
    let service = layer.layer(tower::service_fn(|_: Request<()>| {
        std::future::ready(Ok::<_, std::convert::Infallible>(answer(429)))
    }));
    let response = service.oneshot(Request::new(())).await.unwrap();
    let sink = response.extensions().get::<HintSink>().unwrap();
    let (parts, _) = refusal("5").into_parts();
    let received = std::time::SystemTime::UNIX_EPOCH;
    let hint = Hint::parse(parts.status, &parts.headers, None, received);
    let mut watch = handle.watch();
    let mut changed = task::spawn(watch.changed());
    assert_pending!(changed.poll());
    sink.refine(&hint);
    assert!(changed.is_woken());
    assert!(assert_ready!(changed.poll()).pause_remaining.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_woken_and_tells_of_many_changes_once() {
    let handle = fixed(1).handle();
    let mut watch = handle.watch();
    let mut changed = task::spawn(watch.changed());
    assert_pending!(changed.poll());
    for limit in 2..10 {
        handle.set_limit(limit);
    }
    assert!(changed.is_woken());
    assert_eq!(assert_ready!(changed.poll()).limit, 9);
    drop(changed);
    assert_pending!(task::spawn(watch.changed()).poll());
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_of_the_end_of_a_pause_that_nobody_waits_for() {
    let handle = fixed(1).handle();
    handle.pause(Duration::from_secs(5));
    let mut watch = handle.watch();
    let start = Instant::now();
    let seen = timeout(Duration::from_secs(60), watch.changed())
        .await
        .unwrap();
    assert_eq!(seen.pause_remaining, None);
    assert!(
        start.elapsed() < Duration::from_millis(5010),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_a_watch_has_seen_what_it_had() {
    let handle = fixed(1).handle();
    let mut watch = handle.watch();
    handle.set_limit(3);
    let mut clone = watch.clone();
    assert_eq!(watch.changed().await.limit, 3);
    assert_eq!(clone.changed().await.limit, 3);
    assert_pending!(task::spawn(clone.changed()).poll());
}
