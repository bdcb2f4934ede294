//! How many may wait, and what one key may take up of it.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, timeout};
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Service, ServiceExt};

use crate::support::{Api, Client, by_path, client, secs, to};

/// Whether a clone is ready at once.
fn is_ready(client: &Client) -> bool {
    let mut client = task::spawn(client.clone());
    let ready = client.enter(|cx, mut client| client.poll_ready(cx));
    ready.is_ready()
}

#[tokio::test(start_paused = true)]
async fn readiness_bounds_how_many_wait() {
    let layer = by_path(1).max_waiting(4).max_share(1.0);
    let client = client(&layer, Api::serving(secs(1)));
    for _ in 0..5 {
        tokio::spawn(client.clone().oneshot(to("a")));
    }
    yield_now().await;
    // One is in flight, four wait.
    assert_eq!(layer.handle().waiting(), 4);
    assert!(!is_ready(&client));
    tokio::time::sleep(Duration::from_millis(1_001)).await;
    assert_eq!(layer.handle().waiting(), 3);
    assert!(is_ready(&client));
    assert_eq!(layer.handle().waiting(), 3, "dropped unused");
}

#[tokio::test(start_paused = true)]
async fn all_are_served_whatever_the_bound() {
    for (bound, share) in [(1, 1.0), (1, 0.0), (2, 0.5), (7, 0.3), (10_000, 0.25)] {
        let layer = by_path(3).max_waiting(bound).max_share(share);
        let client = client(&layer, Api::serving(secs(1)));
        let start = Instant::now();
        let sent: Vec<_> = (0..90)
            .map(|number| tokio::spawn(client.clone().oneshot(to(["a", "b", "c"][number % 3]))))
            .collect();
        for task in sent {
            task.await.unwrap().unwrap();
        }
        assert_eq!(start.elapsed(), secs(10), "{bound} {share}");
        assert_eq!(layer.handle().waiting(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_takes_up_no_more_than_its_share() {
    let layer = by_path(1).max_waiting(8);
    let client = client(&layer, Api::serving(secs(1)));
    client.clone().oneshot(to("a")).await.unwrap();
    layer
        .handle()
        .get(&"a".to_owned())
        .unwrap()
        .pause(secs(100));
    for _ in 0..50 {
        tokio::spawn(client.clone().oneshot(to("a")));
    }
    yield_now().await;
    assert_eq!(layer.handle().waiting(), 2);
    let start = Instant::now();
    client.clone().oneshot(to("b")).await.unwrap();
    assert_eq!(start.elapsed(), secs(1));
    assert_eq!(layer.handle().total().waiting, 50);
}

#[tokio::test(start_paused = true)]
async fn one_service_is_held_back_by_its_request_beyond_the_share() {
    let layer = by_path(1).max_waiting(8);
    let mut client = client(&layer, Api::serving(secs(1)));
    client.ready().await.unwrap().call(to("a")).await.unwrap();
    layer
        .handle()
        .get(&"a".to_owned())
        .unwrap()
        .pause(secs(100));
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(tokio::spawn(client.ready().await.unwrap().call(to("a"))));
    }
    // The third is beyond the share of two, so that a stream of requests is bounded.
    assert!(timeout(secs(99), client.ready()).await.is_err());
    assert!(is_ready(&client), "a clone sent nothing");
    let start = Instant::now();
    client.ready().await.unwrap();
    // The pause ends after one second more, and the third goes after the first two.
    assert_eq!(start.elapsed(), secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_request_beyond_the_share_that_is_dropped_frees_its_service() {
    let layer = by_path(1).max_waiting(1);
    let client = client(&layer, Api::serving(secs(1)));
    client.clone().oneshot(to("a")).await.unwrap();
    layer
        .handle()
        .get(&"a".to_owned())
        .unwrap()
        .pause(secs(100));
    // Shares are never below one; so it takes another key to be beyond it.
    let mut first = task::spawn(client.clone());
    assert_ready_ok!(first.enter(|cx, mut client| client.poll_ready(cx)));
    let holds = first.call(to("a"));
    let mut second = task::spawn(client.clone());
    assert_pending!(second.enter(|cx, mut client| client.poll_ready(cx)));
    drop(holds);
    assert!(second.is_woken());
    assert_ready_ok!(second.enter(|cx, mut client| client.poll_ready(cx)));
}

#[tokio::test(start_paused = true)]
async fn who_was_woken_and_does_not_come_holds_nobody_up() {
    let layer = by_path(1).max_waiting(1);
    let client = client(&layer, Api::serving(secs(1)));
    let mut holder = client.clone();
    holder.ready().await.unwrap();
    let mut parked: Vec<_> = (0..3).map(|_| task::spawn(client.clone())).collect();
    for service in &mut parked {
        assert_pending!(service.enter(|cx, mut client| client.poll_ready(cx)));
    }
    let waits = tokio::spawn(client.clone().oneshot(to("a")));
    yield_now().await;
    drop(holder);
    waits.await.unwrap().unwrap();
    // Of those that wait, the one who was woken passes it on when it is dropped.
    let mut holder = client.clone();
    holder.ready().await.unwrap();
    assert!(parked.iter().all(|service| service.is_woken()));
    for service in &mut parked {
        assert_pending!(service.enter(|cx, mut client| client.poll_ready(cx)));
    }
    drop(holder);
    assert!(parked[0].is_woken());
    drop(parked.remove(0));
    assert!(parked.iter().any(|service| service.is_woken()));
}
