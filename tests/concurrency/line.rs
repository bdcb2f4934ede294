//! What the line costs when it is very long.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the machine's time is measured, while the gate's clock stands still"
)]

use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use http::Request;
use tower::{Layer, Service};
use tower_throttle::AdaptiveConcurrencyLayer;

use crate::support::*;

/// A debug build takes ten times as long.
const WAITERS: usize = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};
const MOST: Duration = Duration::from_secs(2);

/// Polls a service for readiness, with nobody to be woken.
fn is_ready(service: &mut impl Service<Request<()>>) -> bool {
    let cx = &mut Context::from_waker(Waker::noop());
    service.poll_ready(cx).is_ready()
}

/// [`WAITERS`] services that wait in line.
fn line(layer: &AdaptiveConcurrencyLayer) -> Vec<Option<impl Service<Request<()>> + use<>>> {
    let service = layer.layer(server(Duration::ZERO));
    let mut line = vec![service; WAITERS];
    for service in &mut line {
        assert!(!is_ready(service));
    }
    line.into_iter().map(Some).collect()
}

/// A gate, one that holds its first permit, and a line of which everybody was called, and since when.
fn called() -> (
    AdaptiveConcurrencyLayer,
    impl Sized,
    Vec<Option<impl Service<Request<()>>>>,
    Instant,
) {
    let layer = fixed(1);
    let mut holder = layer.layer(server(Duration::ZERO));
    assert!(is_ready(&mut holder));
    let line = line(&layer);
    let start = Instant::now();
    layer.handle().set_limit(usize::MAX);
    (layer, holder, line, start)
}

/// Every waiter once: first to last, last to first, and in any order, within blocks: what is measured is
/// the line and not the machine's memory.
fn orders() -> [(&'static str, Vec<usize>); 3] {
    let forwards: Vec<_> = (0..WAITERS).collect();
    let mut random = forwards.clone();
    let mut rng = fastrand::Rng::with_seed(7);
    random.chunks_mut(4096).for_each(|block| rng.shuffle(block));
    let backwards = forwards.iter().rev().copied().collect();
    [
        ("first to last", forwards),
        ("last to first", backwards),
        ("in any order", random),
    ]
}

fn assert_quick(what: &str, order: &str, start: Instant) {
    let took = start.elapsed();
    println!("{WAITERS} waiters {what}, {order}: {took:?}");
    assert!(took < MOST, "{what}, {order}: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_line_in_a_pause_is_cancelled_in_a_time_that_grows_with_its_length() {
    for (name, order) in orders() {
        let layer = fixed(1);
        layer.handle().pause(Duration::from_secs(3600));
        let mut line = line(&layer);
        let start = Instant::now();
        order.into_iter().for_each(|which| line[which] = None);
        assert_quick("cancelled", name, start);
        let seen = layer.handle().snapshot();
        assert_eq!((seen.in_flight, seen.waiting), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_called_claims_in_any_order_in_a_time_that_grows_with_its_length() {
    for (name, order) in orders() {
        let (layer, _holder, mut line, start) = called();
        for which in order {
            assert!(line[which].as_mut().is_some_and(is_ready));
        }
        assert_quick("called", name, start);
        assert_eq!(layer.handle().in_flight(), 1 + WAITERS);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_cut_after_the_calls_costs_no_more_than_they_did() {
    for (name, order) in orders() {
        let (layer, _holder, mut line, start) = called();
        layer.handle().set_limit(1 + WAITERS / 2);
        for which in order {
            let first = which < WAITERS / 2;
            let ready = line[which].as_mut().is_some_and(is_ready);
            assert_eq!(ready, first, "{which}");
        }
        assert_quick("called, and half of them cut off", name, start);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_takes_few_bytes() {
    let layer = fixed(1);
    layer.handle().pause(Duration::from_secs(3600));
    let mut waiters = vec![layer.layer(server(Duration::ZERO)); WAITERS];
    let counted = allocation_counter::measure(|| {
        for service in &mut waiters {
            assert!(!is_ready(service));
        }
    });
    let each = counted.bytes_current as f64 / WAITERS as f64;
    println!("{each:.1} bytes for each of {WAITERS} waiters");
    assert!(each < 50.0, "{each}");
}
