//! Buckets that answers name.

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;
use tower_throttle::keyed::{KeyedHandle, KeyedLayer};

use crate::support::{Api, ByPath, by_path, client, retry_after, secs, status, to, with_header};

fn bucketed(limit: usize) -> KeyedLayer<String, ByPath> {
    by_path(limit).alias(|_, headers| {
        let bucket = headers.get("x-ratelimit-bucket")?;
        Some(bucket.to_str().ok()?.to_owned())
    })
}

/// Names the part of the path before the `/`.
fn naming() -> Api {
    Api::new(|request| {
        let path = &request.uri().path()[1..];
        let answer = status(200);
        let answer = match path.split_once('/') {
            Some((bucket, _)) => with_header(answer, "x-ratelimit-bucket", bucket),
            None => answer,
        };
        (secs(1), answer)
    })
}

fn accepted(gates: &KeyedHandle<String>, key: &str) -> u64 {
    gates.get(&key.to_owned()).unwrap().accepted()
}

#[tokio::test(start_paused = true)]
async fn keys_of_one_bucket_share_a_gate_after_their_first_answers() {
    let layer = bucketed(1);
    let client = client(&layer, naming());
    let start = Instant::now();
    join_all(["x/1", "x/2", "y/1", "z"].map(|key| client.clone().oneshot(to(key)))).await;
    assert_eq!(start.elapsed(), secs(1), "nothing is known yet");
    let gates = layer.handle();
    let mut keys = gates.keys();
    keys.sort_unstable();
    assert_eq!(keys, ["x", "x/1", "x/2", "y", "y/1", "z"]);

    let start = Instant::now();
    join_all(["x/1", "x/2", "y/1", "z"].map(|key| client.clone().oneshot(to(key)))).await;
    assert_eq!(start.elapsed(), secs(2), "both of x at one gate");
    // What the first of them learned is the bucket's.
    assert_eq!(accepted(&gates, "x"), 3);
    assert_eq!(accepted(&gates, "x/2"), 3);
    assert_eq!(accepted(&gates, "y"), 2);
    assert_eq!(gates.total().limit, 3, "each gate once");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_named_during_flight_is_for_those_that_come() {
    let layer = bucketed(1);
    let client = client(&layer, naming());
    client.clone().oneshot(to("x/1")).await.unwrap();
    // Three of another route of x: one in flight and two in line at a gate of their own.
    let start = Instant::now();
    let before = ["x/2"; 3].map(|key| tokio::spawn(client.clone().oneshot(to(key))));
    sleep(secs(1)).await;
    tokio::task::yield_now().await;
    let after = [tokio::spawn(client.clone().oneshot(to("x/2")))];
    for task in after.into_iter().chain(before) {
        task.await.unwrap().unwrap();
    }
    assert_eq!(start.elapsed(), secs(3));
    assert_eq!(
        accepted(&layer.handle(), "x"),
        2,
        "one before, one that came after"
    );
    assert_eq!(layer.handle().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pause_goes_along_to_the_bucket() {
    let layer = bucketed(1);
    let api = Api::new(|request| match request.uri().path() {
        "/x/1" => (secs(0), with_header(status(200), "x-ratelimit-bucket", "x")),
        _ => (
            secs(0),
            with_header(retry_after(30), "x-ratelimit-bucket", "x"),
        ),
    });
    let client = client(&layer, api);
    client.clone().oneshot(to("x/1")).await.unwrap();
    client.clone().oneshot(to("x/2")).await.unwrap();
    let start = Instant::now();
    client.clone().oneshot(to("x/1")).await.unwrap();
    assert!(start.elapsed() >= secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_key_may_move_to_another_bucket() {
    let layer = bucketed(1);
    let named = std::sync::Arc::new(std::sync::Mutex::new("x"));
    let names = named.clone();
    let api = Api::new(move |_| {
        let bucket = *names.lock().unwrap();
        (
            secs(1),
            with_header(status(200), "x-ratelimit-bucket", bucket),
        )
    });
    let client = client(&layer, api);
    client.clone().oneshot(to("r")).await.unwrap();
    client.clone().oneshot(to("s")).await.unwrap();
    *named.lock().unwrap() = "y";
    client.clone().oneshot(to("r")).await.unwrap();
    let gates = layer.handle();
    // It left what it had learned to x.
    assert_eq!(
        (
            accepted(&gates, "r"),
            accepted(&gates, "y"),
            accepted(&gates, "x")
        ),
        (0, 0, 2)
    );
    assert_eq!(accepted(&gates, "s"), 2);
    client.clone().oneshot(to("r")).await.unwrap();
    assert_eq!(accepted(&gates, "y"), 1);
    *named.lock().unwrap() = "x";
    client.clone().oneshot(to("r")).await.unwrap();
    client.clone().oneshot(to("r")).await.unwrap();
    assert_eq!((accepted(&gates, "r"), accepted(&gates, "y")), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn buckets_are_forgotten_with_the_last_of_their_keys() {
    let layer = bucketed(1).idle(secs(100));
    let client = client(&layer, naming());
    client.clone().oneshot(to("x/1")).await.unwrap();
    client.clone().oneshot(to("x/2")).await.unwrap();
    for round in 0..10 {
        sleep(secs(60)).await;
        client.clone().oneshot(to("x/1")).await.unwrap();
        client
            .clone()
            .oneshot(to(&format!("other{round}")))
            .await
            .unwrap();
    }
    let keys = layer.handle().keys();
    let has = |key: &str| keys.iter().any(|known| known == key);
    assert!(has("x") && has("x/1") && !has("x/2"), "{keys:?}");
    assert_eq!(accepted(&layer.handle(), "x/1"), 11, "the gate stayed");
    // A key that was forgotten comes back to its bucket.
    client.clone().oneshot(to("x/2")).await.unwrap();
    client.clone().oneshot(to("x/2")).await.unwrap();
    assert_eq!(accepted(&layer.handle(), "x"), 12);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_names_nothing_or_its_own_key_changes_nothing() {
    let layer = by_path(1).alias(|key, headers| headers.contains_key("own").then(|| key.clone()));
    let api = Api::new(|request| match request.uri().path() {
        "/own" => (secs(0), with_header(status(200), "own", "1")),
        _ => (secs(0), status(200)),
    });
    let client = client(&layer, api);
    for key in ["own", "other", "own", "other"] {
        client.clone().oneshot(to(key)).await.unwrap();
    }
    assert_eq!(layer.handle().len(), 2);
    assert_eq!(accepted(&layer.handle(), "own"), 2);
}
