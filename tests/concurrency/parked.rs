//! Services that wait and are never polled again.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_test::{assert_pending, assert_ready_ok};
use tower::ServiceExt;

use super::queue::{GRACE, TICK};
use crate::support::*;

/// Polls a service once for readiness and leaves it alone, as a lost `select!` does.
async fn park(service: &mut Gated) {
    let lost = timeout(Duration::from_millis(1), service.ready()).await;
    assert!(lost.is_err(), "there was room");
}

#[tokio::test(start_paused = true)]
async fn a_parked_clone_holds_nothing() {
    let layer = fixed(1);
    let (mut a, _server) = gated(&layer);
    let (mut b, mut c) = (a.clone(), a.clone());
    a.ready().await.unwrap();
    park(&mut b).await;
    drop(a);
    let start = Instant::now();
    c.ready().await.unwrap();
    assert!(start.elapsed() <= GRACE + TICK, "{:?}", start.elapsed());
    drop(c);
    b.ready().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn several_parked_clones_hold_nothing_up() {
    let layer = fixed(2);
    let handle = layer.handle();
    let (service, _server) = gated(&layer);
    let (mut a, mut b) = (service.clone(), service.clone());
    a.ready().await.unwrap();
    b.ready().await.unwrap();

    // Parked ones stand before, between and behind those who live, in tasks of their own.
    let mut parked = Vec::new();
    let mut live = JoinSet::new();
    for i in 0..40 {
        let mut service = service.clone();
        if i % 4 < 3 {
            parked.push(
                tokio::spawn(async move {
                    park(&mut service).await;
                    service
                })
                .await
                .unwrap(),
            );
        } else {
            live.spawn(async move {
                service.ready().await.unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
            });
            settle().await;
        }
    }
    assert_eq!(handle.waiting(), 40);
    let start = Instant::now();
    drop((a, b));
    while let Some(done) = live.join_next().await {
        done.unwrap();
    }
    // Two at a time, nothing lost; and thirty were called in vain, two at a time as well.
    let most = Duration::from_millis(50) + 15 * (GRACE + TICK);
    assert!(start.elapsed() <= most, "{:?}", start.elapsed());
    assert_eq!(handle.in_flight(), 0);

    // And those parked may come back.
    for mut service in parked {
        service.ready().await.unwrap();
    }
    assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn parked_clones_do_not_hold_up_the_end_of_a_pause() {
    let layer = fixed(2);
    let handle = layer.handle();
    let (service, _server) = gated(&layer);
    handle.pause(Duration::from_secs(5));
    let mut parked = Vec::new();
    for _ in 0..10 {
        let mut service = service.clone();
        let task = tokio::spawn(async move {
            park(&mut service).await;
            service
        });
        parked.push(task.await.unwrap());
    }
    let start = Instant::now();
    let mut live = JoinSet::new();
    for _ in 0..6 {
        let mut service = service.clone();
        live.spawn(async move {
            service.ready().await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        });
    }
    live.join_all().await;
    // Five seconds, less the ten milliseconds that parking took, plus three turns of one second, plus
    // what ten were waited for who were called in vain, two at a time.
    let elapsed = start.elapsed();
    let most = Duration::from_millis(8001) + 5 * (GRACE + TICK);
    assert!(elapsed <= most, "{elapsed:?}");
    drop(parked);
    assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_parked_waiter_that_comes_back_is_in_front() {
    let layer = fixed(1);
    let (first, [mut parked, mut second, mut third], _server) = held(&layer);
    drop(first);
    // Those behind are woken as well, to see to it that the call ends if nobody comes.
    assert!(second.is_woken());
    assert_pending!(second.poll());
    tokio::time::sleep(GRACE + TICK).await;
    assert!(second.is_woken());
    let second = assert_ready_ok!(second.poll());
    assert_pending!(parked.poll());
    drop(second);
    assert_pending!(third.poll());
    assert_ready_ok!(parked.poll());
}

#[tokio::test(start_paused = true)]
async fn those_who_park_one_after_another_hold_nothing_up() {
    let layer = fixed(1);
    let (first, mut waiters, _server) = held::<4>(&layer);
    drop(first);
    // The first never comes. The second sets the timer, and never comes again either.
    assert_pending!(waiters[1].poll());
    tokio::time::sleep(GRACE + TICK).await;
    assert!(waiters[1].is_woken(), "it was not called");
    assert!(waiters[3].is_woken(), "nobody is to set the timer");
    assert_pending!(waiters[3].poll());
    tokio::time::sleep(GRACE + TICK).await;
    assert!(waiters[2].is_woken());
    assert_ready_ok!(waiters[2].poll());
}

#[tokio::test(start_paused = true)]
async fn the_grace_timer_is_handed_on_when_its_waiter_is_dropped() {
    let layer = fixed(1);
    let (first, [_parked, mut second], _server) = held(&layer);
    let mut third = ready(first.clone());
    drop(first);
    assert_pending!(second.poll());
    assert_pending!(third.poll());
    drop(second);
    assert!(third.is_woken(), "to set the timer");
    assert_pending!(third.poll());
    tokio::time::sleep(GRACE + TICK).await;
    assert!(third.is_woken());
    assert_ready_ok!(third.poll());
}
