//! How many wait at most, where the others are not ready.

use tokio::task::JoinSet;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt};
use tower_throttle::QueueLayer;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_service_is_ready_once_fewer_wait() {
    let (api, seen) = api(secs(1));
    let (client, gate) = client(api, 1);
    let client = QueueLayer::new().max_waiting(2).layer(client);
    let mut jobs: Vec<_> = (0..3)
        .map(|nth| by_hand(&client, request(&format!("{nth}"), BATCH)))
        .collect();
    for job in &mut jobs {
        assert_pending!(job.poll());
    }
    // One is in flight, two wait.
    assert_eq!((gate.in_flight(), gate.waiting()), (1, 2));
    let mut next = client.clone();
    let mut ready = task::spawn(next.ready());
    assert_pending!(ready.poll());
    drop(jobs.remove(1));
    assert!(ready.is_woken());
    assert_ready_ok!(ready.poll());
    drop(ready);
    assert_eq!(gate.waiting(), 1);
    assert_eq!(seen.names(), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn never_do_more_wait_and_all_are_served() {
    for most in [0, 1, 7] {
        let (api, _) = api(ms(10));
        let (client, gate) = client(api, 3);
        let client = QueueLayer::new().max_waiting(most).layer(client);
        let mut jobs = JoinSet::new();
        for _ in 0..200 {
            jobs.spawn(answer(&client, request("x", BATCH)));
        }
        let mut served = 0;
        while let Some(answer) = jobs.join_next().await {
            assert_eq!(answer.unwrap(), Ok(200));
            served += 1;
            assert!(gate.waiting() <= most.max(1), "{}", gate.waiting());
        }
        assert_eq!(served, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_seat_comes_back_whether_the_service_the_call_or_the_future_is_dropped() {
    let (api, _) = api(secs(1));
    let (client, gate) = client(api, 1);
    let client = QueueLayer::new().max_waiting(1).layer(client);
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());

    // Ready, and never called.
    let mut ready = client.clone();
    ready.ready().await.unwrap();
    let mut next = task::spawn(client.clone().ready_oneshot());
    assert_pending!(next.poll());
    drop(ready);
    assert!(next.is_woken());
    let mut service = assert_ready_ok!(next.poll());

    // Called, and never polled.
    let future = service.call(request("never polled", BATCH));
    let mut next = task::spawn(client.clone().ready_oneshot());
    assert_pending!(next.poll());
    drop(future);
    assert!(next.is_woken());
    let mut service = assert_ready_ok!(next.poll());

    // Polled, and dropped in line.
    let mut future = task::spawn(service.call(request("in line", BATCH)));
    assert_pending!(future.poll());
    let mut next = task::spawn(client.clone().ready_oneshot());
    assert_pending!(next.poll());
    assert_eq!(gate.waiting(), 1);
    drop(future);
    assert!(next.is_woken());
    assert_ready_ok!(next.poll());
    assert_eq!(gate.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_waits_for_a_seat_and_is_left_alone_holds_nobody_up() {
    let (api, _) = api(secs(1));
    let (client, _) = client(api, 1);
    let client = QueueLayer::new().max_waiting(1).layer(client);
    let mut held = client.clone();
    held.ready().await.unwrap();
    let mut parked = client.clone();
    assert!(tokio::time::timeout(ms(1), parked.ready()).await.is_err());
    let next = tokio::spawn(client.clone().ready_oneshot());
    settle().await;
    drop(held);
    next.await.unwrap().unwrap();
    drop(parked);
}

#[tokio::test(start_paused = true)]
async fn a_method_that_changes_the_bound_starts_a_count_of_its_own() {
    let one = QueueLayer::new().max_waiting(1);
    let (api, _) = api(secs(1));
    let (client, _) = client(api, 1);
    let mut held = one.layer(client.clone());
    held.ready().await.unwrap();
    let mut shares = task::spawn(
        one.clone()
            .max_wait(secs(1))
            .layer(client.clone())
            .ready_oneshot(),
    );
    assert_pending!(shares.poll());
    let mut other = task::spawn(one.max_waiting(1).layer(client).ready_oneshot());
    assert_ready_ok!(other.poll());
}
