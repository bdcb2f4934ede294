//! What a share does to a gate.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::Request;
use http_body_util::Full;
use tokio::time::Instant;
use tower::{Layer as _, ServiceExt as _};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::Learnt;
use tower_throttle::concurrency::learnt::Rate;
use tower_throttle::concurrency::limit::{Fixed, Reason};
use tower_throttle::fleet::{Lease, Member, Share};
use tower_throttle::hint::Dimension;
use tower_throttle::observe::{Event, Source};

use crate::support::{Api, seconds};

/// Keeps the members that join.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<Member>>>);

impl Lease for Kept {
    fn join(&self, member: Member) {
        self.0.lock().unwrap().push(member);
    }
}

impl Kept {
    fn last(&self) -> Member {
        self.0.lock().unwrap().last().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_share_bounds_the_places() {
    let (api, kept) = (Api::new(None, None, 1.0), Kept::default());
    let layer = AdaptiveConcurrencyLayer::with_limit(Fixed::new(10)).lease(kept.clone());
    let client = layer.layer(api.server.clone());
    let member = kept.last();
    member.set(Share::bounded().places(3));
    let tasks: Vec<_> = (0..9)
        .map(|_| tokio::spawn(client.clone().oneshot(Request::new(Full::default()))))
        .collect();
    seconds(0.5).await;
    assert_eq!((layer.handle().limit(), api.server.in_flight()), (3, 3));
    // More at once, without an answer in between.
    member.set(Share::bounded().places(5));
    seconds(0.1).await;
    assert_eq!(api.server.in_flight(), 5);
    member.set(Share::own());
    seconds(0.1).await;
    assert_eq!(api.server.in_flight(), 9);
    let tally = member.tally().unwrap();
    assert_eq!(
        (tally.in_flight, tally.waiting, tally.own_limit),
        (9, 0, 10)
    );
    drop(tasks);
}

#[tokio::test(start_paused = true)]
async fn observers_are_told_that_a_share_bounds_the_gate() {
    let (kept, told) = (Kept::default(), Arc::new(Mutex::new(Vec::new())));
    let lines = Arc::clone(&told);
    let layer = AdaptiveConcurrencyLayer::new().lease(kept.clone()).observe(
        move |_: Source<'_>, event: &Event<'_>| {
            lines.lock().unwrap().push(event.to_string());
        },
    );
    kept.last().set(Share::bounded().places(2));
    assert_eq!(layer.handle().limit(), 2);
    let told = told.lock().unwrap();
    let expected = format!("limit 4 -> 2: {}", Reason::Shared);
    assert!(told.contains(&expected), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_share_keeps_a_pace() {
    let (api, kept) = (Api::new(None, None, 0.0), Kept::default());
    let layer = AdaptiveConcurrencyLayer::with_limit(Fixed::new(10)).lease(kept.clone());
    let client = layer.layer(api.server.clone());
    kept.last().set(Share::fixed().rate(4.0));
    let began = Instant::now();
    for _ in 0..8 {
        client
            .clone()
            .oneshot(Request::new(Full::default()))
            .await
            .unwrap();
    }
    let took = began.elapsed().as_secs_f64();
    assert!((1.9..=2.01).contains(&took), "{took}");
    assert_eq!(layer.handle().rate(), Some(4.0));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_holds_a_fixed_share_until_there_is_news() {
    let (api, kept) = (Api::new(None, Some(0), 1.0), Kept::default());
    let layer = AdaptiveConcurrencyLayer::new().lease(kept.clone());
    let client = layer.layer(api.server.clone());
    let member = kept.last();
    member.set(Share::fixed().places(5));
    let request = || Request::new(Full::default());
    client.clone().oneshot(request()).await.unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|_| tokio::spawn(client.clone().oneshot(request())))
        .collect();
    seconds(0.4).await;
    assert_eq!(api.server.sent(), 1, "half a second is not over");
    assert!(member.tally().unwrap().is_urgent);
    member.set(Share::fixed().places(4));
    seconds(0.001).await;
    assert_eq!(api.server.sent(), 5);
    drop(tasks);
}

#[tokio::test(start_paused = true)]
async fn a_share_gives_way_while_nobody_can_be_asked() {
    let (api, kept) = (Api::new(None, Some(0), 1.0), Kept::default());
    let layer = AdaptiveConcurrencyLayer::new().lease(kept.clone());
    let client = layer.layer(api.server.clone());
    let member = kept.last();
    member.set(Share::fixed().places(20).rate(10.0));
    member.set_away();
    seconds(1.0).await;
    client
        .clone()
        .oneshot(Request::new(Full::default()))
        .await
        .unwrap();
    let share = member.tally().unwrap().share;
    assert_eq!((share.places, share.rate), (Some(18), Some(9.0)));
}

#[tokio::test(start_paused = true)]
async fn a_share_of_nothing_ends_as_one_place() {
    let (api, kept) = (Api::new(None, None, 0.1), Kept::default());
    let client = AdaptiveConcurrencyLayer::new()
        .lease(kept.clone())
        .layer(api.server.clone());
    kept.last().set(Share::fixed().places(0).rate(0.0));
    let began = Instant::now();
    client
        .clone()
        .oneshot(Request::new(Full::default()))
        .await
        .unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(1100));
}

#[tokio::test(start_paused = true)]
async fn each_gate_is_a_member_and_is_gone_with_its_last_user() {
    let kept = Kept::default();
    let layer = AdaptiveConcurrencyLayer::new().lease(kept.clone());
    let first = kept.last();
    let other = layer.clone().max_limit(5);
    let second = kept.last();
    assert!(!first.is_gone() && !second.is_gone());
    drop(layer);
    assert!(first.is_gone() && first.tally().is_none());
    assert_eq!(second.tally().unwrap().own_limit, 4);
    drop(other);
    assert!(second.is_gone());
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_the_gate_is_shifted() {
    let kept = Kept::default();
    let layer = AdaptiveConcurrencyLayer::with_limit(Fixed::new(10)).lease(kept.clone());
    let member = kept.last();
    member.shift(-3, 0.0);
    assert_eq!(member.tally().unwrap().own_limit, 7);
    let api = Api::new(None, None, 0.1);
    let client = layer.layer(api.server.clone());
    client.oneshot(Request::new(Full::default())).await.unwrap();
    assert_eq!(
        (member.tally().unwrap().own_limit, layer.handle().limit()),
        (7, 7)
    );
}

#[tokio::test(start_paused = true)]
async fn a_gate_with_a_lease_keeps_what_it_has_learned_as_one_without() {
    let kept = Kept::default();
    let rate = Rate::new(Dimension::Requests, 7.0).unwrap();
    let found = Learnt::new(9).with_rate(rate);
    let layer = AdaptiveConcurrencyLayer::new()
        .resume(found.with_at(SystemTime::now()))
        .lease(kept.clone());
    let gate = layer.handle();
    let rate = |learnt: &Learnt| {
        learnt
            .rate(&Dimension::Requests)
            .map(|rate| rate.measured())
    };
    let own = || kept.last().tally().unwrap().own_rate;
    assert!(gate.is_resumed());
    assert!((rate(&gate.export()).unwrap() - 7.0).abs() < 0.1);
    gate.forget();
    assert_eq!((rate(&gate.export()), gate.limit(), own()), (None, 4, None));
}
