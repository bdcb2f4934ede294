//! How long the line takes.

use tokio::task::JoinSet;
use tower::Layer;
use tower_throttle::concurrency::limit::Learned;
use tower_throttle::{AdaptiveConcurrencyLayer, Priority};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn an_open_gate_makes_nobody_wait_and_a_pause_all() {
    let (api, _) = api(secs(1));
    let (_client, gate) = client(api, 4);
    assert_eq!(gate.estimate(3), Some(secs(0)));
    assert_eq!(gate.estimate(4), None, "nothing was seen yet");
    gate.pause(secs(30));
    assert_eq!(gate.estimate(0), Some(secs(30)));
    gate.close();
    assert_eq!(gate.estimate(0), None);
}

#[tokio::test(start_paused = true)]
async fn the_estimate_is_true_to_a_round_trip() {
    let (api, _) = api(secs(2));
    let (client, gate) = client(api, 5);
    let mut jobs = JoinSet::new();
    for _ in 0..200 {
        jobs.spawn(answer(&client, request("x", BATCH)));
    }
    tokio::time::sleep(ms(20_100)).await;
    let (ahead, start) = (gate.waiting(), tokio::time::Instant::now());
    assert_eq!(ahead, gate.ahead(Priority::NORMAL));
    let told = gate.estimate(ahead).unwrap();
    assert_eq!(answer(&client, request("last", BATCH)).await, Ok(200));
    let took = start.elapsed() - secs(2);
    assert!(
        told.abs_diff(took) <= secs(2),
        "told {told:?}, took {took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_class_waits_for_those_who_go_before_it() {
    let (api, _) = api(secs(1));
    let (client, gate) = client(api, 1);
    let batch = of_class(&client, BATCH);
    let mut jobs = JoinSet::new();
    for _ in 0..101 {
        jobs.spawn(answer(&batch, request("x", BATCH)));
    }
    settle().await;
    assert_eq!(gate.ahead(BATCH), 100);
    assert_eq!(gate.ahead(Priority::NORMAL), 0);
    assert_eq!(gate.ahead(INTERACTIVE), 0);
    // A class of the same weight has half of the share from its first request on.
    assert_eq!(gate.ahead(BATCH.class(1)), 1);
    assert_eq!(gate.ahead(BATCH.strict(1)), 0);
}

#[tokio::test(start_paused = true)]
async fn to_ask_changes_nothing() {
    let gate = AdaptiveConcurrencyLayer::with_limit(Learned::new()).seed(1);
    let (api, _) = api(secs(1));
    let client = gate.layer(api);
    let mut jobs = JoinSet::new();
    for _ in 0..50 {
        jobs.spawn(answer(&client, request("x", BATCH)));
    }
    settle().await;
    let handle = gate.handle();
    let before = handle.snapshot();
    for ahead in [0, 1, 10, usize::MAX] {
        let _ = (handle.estimate(ahead), handle.ahead(BATCH));
    }
    assert_eq!(handle.snapshot(), before);
    jobs.join_all().await;
}
