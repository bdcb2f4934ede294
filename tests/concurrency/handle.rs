//! The handle: what it shows, what it sets, whom it wakes; and how answers count.

use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use tokio_test::assert_ready_ok;
use tower::{Layer, Service, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::limit::{Headroom, Limit, Load, Now, Outcome, Sent};
use tower_throttle::concurrency::{Classified, Snapshot};

use crate::support::*;

/// How the gate counts one answer with this status.
async fn counted(layer: &AdaptiveConcurrencyLayer, status: u16) -> (u64, u64) {
    let service = layer.layer(tower::service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, std::convert::Infallible>(answer(status)))
    }));
    let before = layer.handle().snapshot();
    drop(service.oneshot(Request::new(())).await.unwrap());
    let after = layer.handle().snapshot();
    assert_eq!(after.in_flight, 0);
    (
        after.accepted - before.accepted,
        after.refused - before.refused,
    )
}

#[tokio::test(start_paused = true)]
async fn answers_count_by_their_status() {
    let layer = AdaptiveConcurrencyLayer::new();
    for accepted in [200, 204, 302, 400, 404, 422] {
        assert_eq!(counted(&layer, accepted).await, (1, 0), "{accepted}");
    }
    for refused in [429, 503, 529] {
        assert_eq!(counted(&layer, refused).await, (0, 1), "{refused}");
    }
    for failed in [401, 407, 500, 502, 504] {
        assert_eq!(counted(&layer, failed).await, (0, 0), "{failed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_says_how_answers_count() {
    let layer = fixed(1).classify(|status, headers| match status.as_u16() {
        403 if !headers.contains_key("x-mine") => Some(Classified::Refused),
        503 => Some(Classified::Failed),
        500 => Some(Classified::Accepted),
        _ => None,
    });
    assert_eq!(counted(&layer, 403).await, (0, 1));
    assert_eq!(counted(&layer, 503).await, (0, 0));
    assert_eq!(counted(&layer, 500).await, (1, 0));
    assert_eq!(counted(&layer, 429).await, (0, 1), "left to the default");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_has_the_same_numbers_as_the_accessors() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (_holder, [_waiting], _server) = held(&layer);
    handle.pause(Duration::from_secs(3));
    tokio::time::advance(Duration::from_secs(1)).await;
    let seen = handle.snapshot();
    assert_eq!((seen.limit, seen.in_flight, seen.waiting), (1, 1, 1));
    assert_eq!(seen.pause_remaining, Some(Duration::from_secs(2)));
    assert_eq!(
        (handle.limit(), handle.in_flight(), handle.waiting()),
        (1, 1, 1)
    );
    assert_eq!(handle.pause_remaining(), seen.pause_remaining);
    assert_eq!(
        (handle.accepted(), handle.refused()),
        (seen.accepted, seen.refused)
    );
    assert_ne!(seen, Snapshot::default());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(handle.pause_remaining(), None);
}

#[tokio::test(start_paused = true)]
async fn the_default_starts_at_4_within_1_and_1000() {
    let handle = AdaptiveConcurrencyLayer::new().handle();
    assert_eq!(handle.limit(), 4);
    handle.set_limit(0);
    assert_eq!(handle.limit(), 1);
    handle.set_limit(usize::MAX);
    assert_eq!(handle.limit(), 1000);
}

#[tokio::test(start_paused = true)]
async fn bounds_hold_for_the_limit() {
    let layer = AdaptiveConcurrencyLayer::new()
        .initial_limit(20)
        .min_limit(10)
        .max_limit(30);
    let handle = layer.handle();
    assert_eq!(handle.limit(), 20);
    handle.set_limit(1);
    assert_eq!(handle.limit(), 10);
    handle.set_limit(99);
    assert_eq!(handle.limit(), 30);
    handle.set_max(5);
    assert_eq!(handle.limit(), 5, "the least gives way");
    handle.set_min(8);
    assert_eq!(handle.limit(), 8, "the greatest gives way");
    handle.set_max(0);
    assert_eq!(handle.limit(), 1, "never none");
}

/// What each setting of a builder does to a layer, as it can be seen.
fn settings() -> [fn(AdaptiveConcurrencyLayer) -> AdaptiveConcurrencyLayer; 5] {
    [
        |layer| layer.initial_limit(7),
        |layer| layer.min_limit(20),
        |layer| layer.max_limit(5),
        |layer| layer.max_pause(Duration::from_secs(1)),
        |layer| layer.body_idle(Duration::from_secs(7)),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_builder_changes_no_other_layer() {
    for set in settings() {
        let layer = || AdaptiveConcurrencyLayer::new().initial_limit(10);
        // A clone, a service and a handle have the gate.
        let one = layer();
        let other = set(one.clone());
        assert_eq!(one.handle().limit(), 10);
        let (service, _server) = gated(&one);
        let changed = set(one);
        assert_eq!(service.handle().limit(), 10);
        let handle = changed.handle();
        let again = set(changed);
        // All that were changed are alike, and none shares a gate with another.
        assert_eq!(other.handle().limit(), again.handle().limit());
        let _holder = assert_ready_ok!(ready(gated(&other).0).poll());
        let in_flight = [&handle, &again.handle(), &service.handle()].map(|h| h.in_flight());
        assert_eq!(in_flight, [0, 0, 0]);
        assert_eq!(other.handle().in_flight(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_gate_has_the_limit_and_the_settings_in_their_order_and_nothing_that_was_learned() {
    let layer = AdaptiveConcurrencyLayer::new()
        .max_limit(5)
        .max_limit(50)
        .initial_limit(40);
    let other = layer.clone();
    layer.handle().set_limit(3);
    let other = other.max_pause(Duration::from_secs(9)).min_limit(2);
    assert_eq!((layer.handle().limit(), other.handle().limit()), (3, 40));
    other.handle().set_limit(99);
    assert_eq!(other.handle().limit(), 50);
}

#[tokio::test(start_paused = true)]
async fn what_only_one_layer_has_is_changed_in_place() {
    let layer = AdaptiveConcurrencyLayer::new();
    layer.handle().set_limit(9);
    drop(layer.clone());
    assert_eq!(layer.max_limit(100).handle().limit(), 9);
}

#[tokio::test(start_paused = true)]
async fn bounds_that_make_room_let_the_waiting_in() {
    let layer = fixed(1);
    let (_holder, [mut waiting], _server) = held(&layer);
    layer.handle().set_min(2);
    assert!(waiting.is_woken());
    assert_ready_ok!(waiting.poll());
}

#[tokio::test(start_paused = true)]
async fn debug_shows_numbers_only() {
    let layer = fixed(3);
    let service = layer.layer(tower::service_fn(|_: Request<()>| {
        let mut response = answer(429);
        response
            .headers_mut()
            .insert("x-api-key", "secret".parse().unwrap());
        std::future::ready(Ok::<_, std::convert::Infallible>(response))
    }));
    let mut service = service.clone();
    let future = service.ready().await.unwrap().call(Request::new(()));
    let shown = format!(
        "{layer:?} {:?} {:?} {future:?}",
        layer.handle(),
        layer.handle().watch()
    );
    assert!(shown.contains("in_flight: 1"), "{shown}");
    let response = future.await.unwrap();
    let shown = format!("{:?} {:?}", response.extensions(), response.body());
    assert!(!shown.contains("secret"), "{shown}");
    response.into_body().collect().await.unwrap();
}

/// A layer whose limit keeps a pace says so.
#[derive(Clone, Debug)]
struct Paced;

impl Limit for Paced {
    fn headroom(&mut self, _: &Now, load: Load) -> Headroom {
        Headroom::of(1, load)
    }

    fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {}

    fn on_outcome(&mut self, _: &Now, _: &Sent, _: Outcome<'_>, _: Load) {}

    fn limit(&self) -> usize {
        1
    }

    fn rate(&self) -> Option<f64> {
        Some(2.5)
    }

    fn set_limit(&mut self, _: usize) {}

    fn set_bounds(&mut self, _: usize, _: usize) {}
}

#[test]
fn the_pace_is_shown_if_there_is_one() {
    let paced = AdaptiveConcurrencyLayer::with_limit(Paced).handle();
    assert_eq!(paced.rate(), Some(2.5));
    assert_eq!(paced.snapshot().rate, Some(2.5));
    assert_eq!(AdaptiveConcurrencyLayer::new().handle().rate(), None);
}
