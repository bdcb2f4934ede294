//! How long the line takes.

use std::sync::{Arc, Mutex};

use http::Response;
use http_body_util::Full;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;
use tower::{Layer, service_fn};
use tower_throttle::concurrency::Handle;
use tower_throttle::concurrency::limit::Learned;
use tower_throttle::{AdaptiveConcurrencyLayer, Priority, RetryOn429Layer};

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

/// An API that takes ten requests a second, in a bucket of ten, and answers after half a second.
fn bucket() -> Api {
    let start = Instant::now();
    let bucket = Arc::new(Mutex::new((10.0, start)));
    BoxCloneSyncService::new(service_fn(move |_: Req| {
        let mut bucket = bucket.lock().unwrap();
        let since = bucket.1.elapsed().as_secs_f64();
        let tokens = f64::min(bucket.0 + 10.0 * since, 10.0);
        let taken = tokens >= 1.0;
        *bucket = (tokens - f64::from(u8::from(taken)), Instant::now());
        async move {
            sleep(if taken { ms(500) } else { ms(35) }).await;
            let status = if taken { 200 } else { 429 };
            Ok(Response::builder()
                .status(status)
                .body(Full::default())
                .unwrap())
        }
    }))
}

/// An API that works on forty requests at a time, two seconds each, and refuses the others.
fn places() -> Api {
    let places = Arc::new(Semaphore::new(40));
    BoxCloneSyncService::new(service_fn(move |_: Req| {
        let place = Arc::clone(&places).try_acquire_owned().ok();
        async move {
            sleep(if place.is_some() { secs(2) } else { ms(35) }).await;
            let status = if place.is_some() { 200 } else { 429 };
            let response = Response::builder().status(status);
            Ok(response.body(Full::default()).unwrap())
        }
    }))
}

#[tokio::test(start_paused = true)]
async fn it_is_near_under_the_default_limit_too() {
    for (name, api) in [("places", places()), ("bucket", bucket())] {
        let gate = AdaptiveConcurrencyLayer::new().seed(1);
        let handle = gate.handle();
        let client = RetryOn429Layer::new().seed(1).layer(gate.layer(api));
        let mut jobs = JoinSet::new();
        for _ in 0..5000 {
            jobs.spawn(answer(&client, request("x", BATCH)));
        }
        for _ in 0..3 {
            sleep(secs(20)).await;
            let (told, before) = (handle.estimate(handle.waiting()), handle.waiting());
            // Twenty steps of those forty that go together.
            sleep(secs(40)).await;
            let per_second = (before - handle.waiting()) as f64 / 40.0;
            let (told, takes) = (told.unwrap(), before as f64 / per_second);
            let ratio = told.as_secs_f64() / takes;
            assert!((0.8..=1.25).contains(&ratio), "{name}: {told:?}, {takes} s");
        }
    }
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

/// What was told and what it took, of requests that come each few milliseconds, in bursts.
async fn bursts(client: &Client, gate: &Handle) -> Vec<(f64, f64)> {
    let mut told = Vec::new();
    for _ in 0..4 {
        let mut jobs = JoinSet::new();
        for _ in 0..150 {
            let (gate, client) = (gate.clone(), client.clone());
            jobs.spawn(async move {
                let told = gate.estimate(gate.ahead(Priority::NORMAL));
                let start = Instant::now();
                assert_eq!(answer(&client, request("x", BATCH)).await, Ok(200));
                told.map(|told| {
                    (
                        told.as_secs_f64(),
                        (start.elapsed() - ms(100)).as_secs_f64(),
                    )
                })
            });
            sleep(ms(4)).await;
        }
        told.extend(jobs.join_all().await.into_iter().flatten());
        sleep(secs(2)).await;
    }
    told
}

#[tokio::test(start_paused = true)]
async fn in_bursts_it_is_true_too() {
    let (api, _) = api(ms(100));
    let (client, gate) = client(api, 5);
    let told = bursts(&client, &gate).await;
    let long = told.into_iter().filter(|(_, took)| *took > 0.3);
    let mut ratios: Vec<_> = long.map(|(told, took)| told / took).collect();
    ratios.sort_by(f64::total_cmp);
    let [low, half, high] = [1, 5, 9].map(|tenths| ratios[ratios.len() * tenths / 10]);
    assert!(
        low >= 0.7 && (0.9..1.1).contains(&half) && high <= 1.2,
        "{low}, {half}, {high}"
    );
}
