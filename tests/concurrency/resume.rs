//! What a gate leaves to the next run, and begins with.

use std::time::{Duration, SystemTime};

use tower::{Layer, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::Learnt;
use tower_throttle::concurrency::learnt::{Ceiling, Rate};
use tower_throttle::concurrency::limit::{
    Aimd, Fixed, Gradient2, Headroom, Limit, Load, Now, Outcome, Sent, Vegas,
};
use tower_throttle::hint::Dimension;

use super::support::{answer, fixed, gated, held, refusal, server};

const DAY: Duration = Duration::from_secs(86_400);

fn now() -> SystemTime {
    SystemTime::now()
}

/// A gate that begins with it.
fn resumed(learnt: Learnt) -> tower_throttle::concurrency::Handle {
    AdaptiveConcurrencyLayer::new().resume(learnt).handle()
}

fn with_rate(learnt: Learnt, per_second: f64) -> Learnt {
    learnt.with_rate(Rate::new(Dimension::Requests, per_second).unwrap())
}

#[tokio::test(start_paused = true)]
async fn nothing_future_or_foreign_counts_as_absent_and_says_so() {
    let fresh = AdaptiveConcurrencyLayer::new().handle();
    let layer = AdaptiveConcurrencyLayer::new().resume(None);
    assert!(!layer.handle().is_resumed());
    let of_tomorrow = with_rate(Learnt::new(50).with_at(now() + DAY), 0.01);
    let gate = resumed(of_tomorrow.with_pause(DAY));
    assert!(!gate.is_resumed());
    assert_eq!(gate.snapshot(), fresh.snapshot());
    assert!(resumed(Learnt::new(50).with_at(now())).is_resumed());
}

#[tokio::test(start_paused = true)]
async fn a_pause_goes_on_to_its_own_time() {
    let layer = fixed(4);
    let (service, mut api) = gated(&layer);
    let call = tokio::spawn(service.oneshot(http::Request::new(())));
    api.next_request()
        .await
        .unwrap()
        .1
        .send_response(refusal("60"));
    call.await.unwrap().unwrap();
    let left = layer.handle().pause_remaining().unwrap();
    let learnt = layer.handle().export();
    let until = learnt.pause_until().unwrap();
    let ends = until.duration_since(learnt.at()).unwrap();
    assert!(left.abs_diff(ends) < Duration::from_millis(1));
    let after = |age| {
        fixed(4)
            .resume(learnt.clone().aged(age))
            .handle()
            .pause_remaining()
    };
    let ten = Duration::from_secs(10);
    assert_eq!(after(Duration::ZERO), Some(ends));
    assert_eq!(after(ten), Some(ends - ten));
    assert_eq!(after(Duration::from_secs(64)), None);
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_a_record_is_no_longer_than_one_of_a_server() {
    let learnt = Learnt::new(1).with_pause(Duration::MAX).aged(DAY);
    let left = resumed(learnt.clone()).pause_remaining();
    assert_eq!(left, Some(Duration::from_secs(120)));
    let layer = AdaptiveConcurrencyLayer::new().max_pause(Duration::from_secs(5));
    let left = layer.resume(learnt).handle().pause_remaining();
    assert_eq!(left, Some(Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn of_what_is_older_than_a_day_half_counts() {
    let learnt = with_rate(Learnt::new(4), 8.0);
    let rate = |age| resumed(learnt.clone().aged(age)).rate().unwrap();
    assert!((rate(DAY) / 8.0 - 0.99).abs() < 1e-9);
    assert!((rate(2 * DAY) / 4.0 - 0.99).abs() < 1e-9);
    let limit = |age| {
        let layer = AdaptiveConcurrencyLayer::with_limit(Aimd::new());
        layer.resume(Learnt::new(9).aged(age)).handle().limit()
    };
    assert_eq!((limit(DAY), limit(2 * DAY)), (9, 5));
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_was_set_stays_and_one_that_learns_begins_there() {
    assert_eq!(
        fixed(3)
            .resume(Learnt::new(50).with_at(now()))
            .handle()
            .limit(),
        3
    );
    let learnt = || Learnt::new(50).with_at(now());
    let aimd = AdaptiveConcurrencyLayer::with_limit(Aimd::new()).resume(learnt());
    let vegas = AdaptiveConcurrencyLayer::with_limit(Vegas::new()).resume(learnt());
    let gradient = AdaptiveConcurrencyLayer::with_limit(Gradient2::new()).resume(learnt());
    for layer in [aimd, vegas, gradient] {
        assert_eq!(layer.handle().limit(), 50);
        assert_eq!(layer.handle().export().limit(), 50);
        // Bounds that are set later count.
        assert_eq!(layer.max_limit(20).handle().limit(), 20);
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_gets_another_gate_begins_it_with_the_record_too() {
    let layer = AdaptiveConcurrencyLayer::with_limit(Aimd::new());
    let layer = layer.resume(Learnt::new(50).with_at(now()));
    let other = layer.clone().min_limit(2);
    assert!(layer.handle().is_resumed() && other.handle().is_resumed());
    assert_eq!(other.handle().limit(), 50);
}

#[tokio::test(start_paused = true)]
async fn to_forget_begins_anew_and_keeps_bounds_counts_and_pauses() {
    for layer in [
        AdaptiveConcurrencyLayer::new(),
        AdaptiveConcurrencyLayer::with_limit(Aimd::new()),
        AdaptiveConcurrencyLayer::with_limit(Vegas::new()),
        AdaptiveConcurrencyLayer::with_limit(Gradient2::new()),
    ] {
        let layer = layer.initial_limit(6).max_limit(30);
        let layer = layer.resume(with_rate(Learnt::new(12).with_at(now()), 5.0));
        let gate = layer.handle();
        let client = layer.layer(server(Duration::from_secs(1)));
        for _ in 0..3 {
            client
                .clone()
                .oneshot(http::Request::new(()))
                .await
                .unwrap();
        }
        gate.set_limit(20);
        gate.pause(Duration::from_secs(9));
        gate.forget();
        assert_eq!((gate.limit(), gate.rate()), (6, None));
        assert!(!gate.is_resumed());
        assert_eq!(gate.accepted(), 3);
        assert_eq!(gate.pause_remaining(), Some(Duration::from_secs(9)));
        gate.set_limit(500);
        assert_eq!(gate.limit(), 30);
    }
    let gate = fixed(5).handle();
    gate.set_limit(3);
    gate.forget();
    assert_eq!(gate.limit(), 3, "it was set, and not learned");
}

#[tokio::test(start_paused = true)]
async fn to_forget_lets_those_in_line_through_and_loses_no_permit() {
    let layer = AdaptiveConcurrencyLayer::new()
        .initial_limit(3)
        .max_limit(3);
    let gate = layer.handle();
    gate.set_limit(1);
    let (holder, mut waiting, _server) = held::<2>(&layer);
    gate.forget();
    assert_eq!(gate.limit(), 3);
    for waiter in &mut waiting {
        tokio_test::assert_ready_ok!(waiter.poll());
    }
    drop((holder, waiting));
    assert_eq!(gate.in_flight(), 0);
}

/// Halves with each refusal, and remembers a half.
#[derive(Clone, Debug)]
struct Halving(usize);

impl Limit for Halving {
    fn headroom(&mut self, _: &Now, load: Load) -> Headroom {
        Headroom::of(self.0, load)
    }

    fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {}

    fn on_outcome(&mut self, _: &Now, _: &Sent, outcome: Outcome<'_>, _: Load) {
        if let Outcome::Refused { .. } = outcome {
            self.0 = (self.0 / 2).max(1);
        }
    }

    fn learnt(&self, _: &Now) -> Learnt {
        Learnt::new(self.0).with_ceiling(Ceiling::Found)
    }

    fn resume(&mut self, _: &Now, learnt: &Learnt) {
        if learnt.ceiling() == Ceiling::Found {
            self.0 = learnt.limit();
        }
    }

    fn limit(&self) -> usize {
        self.0
    }

    fn set_limit(&mut self, limit: usize) {
        self.0 = limit;
    }

    fn set_bounds(&mut self, _: usize, _: usize) {}
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_ones_own_takes_part() {
    let layer = AdaptiveConcurrencyLayer::with_limit(Halving(40));
    let (service, mut api) = gated(&layer);
    let call = tokio::spawn(service.oneshot(http::Request::new(())));
    api.next_request()
        .await
        .unwrap()
        .1
        .send_response(answer(429));
    call.await.unwrap().unwrap();
    let learnt = layer.handle().export();
    assert_eq!((learnt.limit(), learnt.ceiling()), (20, Ceiling::Found));
    let next = AdaptiveConcurrencyLayer::with_limit(Halving(40)).resume(learnt);
    assert_eq!(next.handle().limit(), 20);
    next.handle().forget();
    assert_eq!(next.handle().limit(), 40);
    let boxed: Box<dyn Limit> = Box::new(Fixed::new(2));
    assert_eq!(boxed.learnt(&Now::at(DAY)).limit(), 2);
}
