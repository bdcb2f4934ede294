//! The line at the gate: its order, and that nobody in it holds up those behind.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_test::{assert_pending, assert_ready_ok};
use tower::load_shed::LoadShed;
use tower::{Layer, Service, ServiceExt};

use crate::support::*;

/// For how long a slot is kept for a waiter that was called, and what the timer adds to it.
pub(super) const GRACE: Duration = Duration::from_millis(10);
pub(super) const TICK: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn first_come_first_served() {
    let layer = fixed(1);
    let (first, _server) = gated(&layer);
    let mut waiters: Vec<_> = (0..10).map(|_| ready(first.clone())).collect();
    let mut holder = assert_ready_ok!(ready(first).poll());
    waiters
        .iter_mut()
        .for_each(|waiter| assert_pending!(waiter.poll()));
    for turn in 0..waiters.len() {
        drop(holder);
        // Those behind are polled first, and still do not get it.
        for other in waiters[turn + 1..].iter_mut().rev() {
            assert_pending!(other.poll());
        }
        holder = assert_ready_ok!(waiters[turn].poll());
    }
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_does_not_overtake_one_who_was_called() {
    let layer = fixed(1);
    let (first, [mut second], _server) = held(&layer);
    let mut newcomer = ready(first.clone());
    drop(first);
    assert_pending!(newcomer.poll());
    assert_ready_ok!(second.poll());
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_lets_in_as_many_at_once() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (_first, mut waiters, _server) = held::<5>(&layer);
    handle.set_limit(4);
    let mut through = Vec::new();
    for waiter in &mut waiters[..3] {
        assert!(waiter.is_woken());
        through.push(assert_ready_ok!(waiter.poll()));
    }
    assert_pending!(waiters[3].poll());
    assert_pending!(waiters[4].poll());
    assert_eq!((handle.in_flight(), handle.waiting()), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn full_queue_and_limit_cut_reach_the_new_limit_within_a_round_trip() {
    let layer = fixed(32);
    let handle = layer.handle();
    let service = layer.layer(server(Duration::from_millis(10)));
    let mut jobs = JoinSet::new();
    for _ in 0..4000 {
        let service = service.clone();
        jobs.spawn(async move {
            let response = service.oneshot(Request::new(())).await.unwrap();
            response.into_body().collect().await.unwrap();
        });
    }
    tokio::time::sleep(Duration::from_millis(25)).await;
    assert_eq!(handle.in_flight(), 32);
    handle.set_limit(3);
    assert_eq!(
        handle.in_flight(),
        32,
        "what is in flight is not taken back"
    );
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(handle.in_flight(), 3);
    assert!(handle.waiting() > 3000);
    handle.set_limit(1000);
    jobs.join_all().await;
    assert_eq!(
        (handle.in_flight(), handle.waiting(), handle.accepted()),
        (0, 0, 4000)
    );
}

#[tokio::test(start_paused = true)]
async fn load_shed_sheds_nothing_while_there_is_room() {
    let layer = fixed(1);
    let (holder, _server) = gated(&layer);
    let service = layer.layer(tower::service_fn(|_: Request<()>| {
        std::future::ready(Ok::<_, std::convert::Infallible>(answer(200)))
    }));
    let mut service = LoadShed::new(service);
    // In one task that never yields: far more than tokio's budget of 128.
    let run = async |service: &mut LoadShed<_>| {
        for call in 0..1000 {
            let response = service.ready().await.unwrap().call(Request::new(())).await;
            assert!(response.is_ok(), "call {call} was shed");
        }
    };
    run(&mut service).await;
    // And after it had to wait, or rather was shed, once.
    let holder = assert_ready_ok!(ready(holder).poll());
    let shed = service.ready().await.unwrap().call(Request::new(())).await;
    assert!(
        shed.unwrap_err()
            .is::<tower::load_shed::error::Overloaded>()
    );
    drop(holder);
    run(&mut service).await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_waiters_with_a_random_half_cancelled() {
    let layer = fixed(50);
    let handle = layer.handle();
    let service = layer.layer(server(Duration::from_millis(10)));
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut jobs = JoinSet::new();
    let mut aborts = Vec::new();
    for i in 0..10_000_u32 {
        let (service, order) = (service.clone(), Arc::clone(&order));
        aborts.push(jobs.spawn(async move {
            let mut service = service;
            service.ready().await.unwrap();
            order.lock().unwrap().push(i);
            let response = service.call(Request::new(())).await.unwrap();
            response.into_body().collect().await.unwrap();
        }));
    }
    let mut random = fastrand::Rng::with_seed(7);
    random.shuffle(&mut aborts);
    // While they wait, are called, are in flight, or are done.
    for some in aborts[..5000].chunks(100) {
        tokio::time::sleep(Duration::from_millis(7)).await;
        some.iter().for_each(|job| job.abort());
        assert!(handle.in_flight() <= 50);
    }
    let mut done = 0;
    while let Some(result) = jobs.join_next().await {
        done += usize::from(result.is_ok());
        assert!(handle.in_flight() <= 50);
    }
    assert!(done >= 5000, "{done}");
    assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
    assert!(order.lock().unwrap().is_sorted(), "not in order");
}

#[tokio::test(start_paused = true)]
async fn called_waiters_that_are_dropped_pass_on_all_their_slots() {
    let layer = fixed(40);
    let handle = layer.handle();
    let (service, _server) = gated(&layer);
    let holders: Vec<_> = (0..40)
        .map(|_| assert_ready_ok!(ready(service.clone()).poll()))
        .collect();
    let mut waiters: Vec<_> = (0..10).map(|_| ready(service.clone())).collect();
    waiters
        .iter_mut()
        .for_each(|waiter| assert_pending!(waiter.poll()));
    // Five are called, and with that many in flight only one more is woken, to set the timer.
    handle.set_limit(45);
    assert_eq!(waiters.iter().filter(|waiter| waiter.is_woken()).count(), 6);
    let behind = waiters.split_off(5);
    drop(waiters);
    for mut waiter in behind {
        assert!(waiter.is_woken());
        assert_ready_ok!(waiter.poll());
    }
    drop(holders);
    assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_limit_cut_after_the_call_keeps_the_order() {
    for first_polls_first in [true, false] {
        let layer = fixed(2);
        let (service, _server) = gated(&layer);
        let holders = [(); 2].map(|()| assert_ready_ok!(ready(service.clone()).poll()));
        let (mut first, mut second) = (ready(service.clone()), ready(service));
        assert_pending!(first.poll());
        assert_pending!(second.poll());
        drop(holders);
        assert!(first.is_woken() && second.is_woken());
        layer.handle().set_limit(1);
        if !first_polls_first {
            assert_pending!(second.poll());
        }
        let first = assert_ready_ok!(first.poll());
        assert_pending!(second.poll());
        drop(first);
        assert!(second.is_woken());
        assert_ready_ok!(second.poll());
    }
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_finds_a_call_that_nobody_answered_void() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (first, [mut parked], _server) = held(&layer);
    let mut newcomer = ready(first.clone());
    drop(first);
    tokio::time::sleep(GRACE).await;
    // At its first poll, so that `LoadShed` sheds nothing.
    let newcomer = assert_ready_ok!(newcomer.poll());
    assert_eq!((handle.in_flight(), handle.waiting()), (1, 0));
    assert_pending!(parked.poll());
    drop(newcomer);
    assert_ready_ok!(parked.poll());
}

#[test]
fn many_threads_lose_nothing_and_stay_within_a_moving_limit() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build();
    runtime.unwrap().block_on(async {
        let layer = fixed(8);
        let handle = layer.handle();
        let service = layer.layer(tower::service_fn(|_: Request<()>| async {
            tokio::task::yield_now().await;
            Ok::<_, std::convert::Infallible>(answer(200))
        }));
        let mut jobs = JoinSet::new();
        for i in 0..2000_u32 {
            let (service, handle) = (service.clone(), handle.clone());
            jobs.spawn(async move {
                let mut kept = Vec::new();
                for round in 0..5 {
                    if (i + round) % 7 == 0 {
                        // Polls once and is kept for a while.
                        let mut parked = ready(service.clone());
                        let _ = parked.poll().is_pending();
                        kept.push(parked);
                        if kept.len() > 1 {
                            kept.clear();
                        }
                    }
                    if (i + round) % 101 == 0 {
                        handle.set_limit(1 + (i as usize * 7 + round as usize) % 12);
                    }
                    drop(kept.pop());
                    let response = service.clone().oneshot(Request::new(())).await.unwrap();
                    assert!(handle.in_flight() <= 13);
                    drop(response);
                }
            });
        }
        while let Some(done) = timeout(Duration::from_secs(60), jobs.join_next())
            .await
            .unwrap()
        {
            done.unwrap();
        }
        assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
        assert_eq!(handle.accepted(), 10_000);
    });
}
