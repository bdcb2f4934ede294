//! Timers: for a pause, and for what time alone opens.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_test::{assert_pending, assert_ready_ok};
use tower::ServiceExt;
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::limit::{Headroom, Limit, Load, Now, Outcome, Sent};

use crate::support::*;

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
