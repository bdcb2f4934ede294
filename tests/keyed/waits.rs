//! Each key has its own gate, and its own pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::future::join_all;
use tokio::time::Instant;
use tower::{Service, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;

use crate::support::{Api, by_path, client, gate, retry_after, secs, status, to};

#[tokio::test(start_paused = true)]
async fn each_key_has_a_limit_of_its_own() {
    let layer = by_path(1);
    let client = client(&layer, Api::serving(secs(1)));
    let start = Instant::now();
    let sent = ["a", "b", "a", "b", "c"].map(|key| client.clone().oneshot(to(key)));
    join_all(sent).await;
    assert_eq!(start.elapsed(), secs(2));
    assert_eq!(layer.handle().get(&"a".to_owned()).unwrap().accepted(), 2);
    assert_eq!(layer.handle().get(&"c".to_owned()).unwrap().accepted(), 1);
    assert_eq!(layer.handle().total().accepted, 5);
    assert!(layer.handle().get(&"d".to_owned()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_paused_key_delays_no_other() {
    let layer = by_path(10);
    let api = Api::new(|request| match request.uri().path() {
        "/a" => (secs(0), retry_after(60)),
        _ => (secs(1), status(200)),
    });
    let client = client(&layer, api);
    let refused = client.clone().oneshot(to("a")).await.unwrap();
    assert_eq!(refused.status(), 429);
    for _ in 0..1_000 {
        tokio::spawn(client.clone().oneshot(to("a")));
    }
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    assert_eq!(layer.handle().waiting(), 1_000);
    let start = Instant::now();
    client.clone().oneshot(to("b")).await.unwrap();
    assert_eq!(start.elapsed(), secs(1));
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_key_go_in_the_order_of_their_first_polls() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    let api = Api::new(move |request| {
        let number = request.headers()["number"].to_str().unwrap();
        seen.lock().unwrap().push(number.to_owned());
        (secs(1), status(200))
    });
    let client = client(&by_path(1), api);
    let sent = (0..20).map(|number| {
        let mut request = to("a");
        request.headers_mut().insert("number", number.into());
        client.clone().oneshot(request)
    });
    join_all(sent).await;
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(*order.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn one_task_with_ready_keeps_all_keys_busy() {
    let mut client = client(&by_path(5), Api::serving(secs(1)));
    let start = Instant::now();
    let mut sent = Vec::new();
    for number in 0..100 {
        let key = if number % 2 == 0 { "a" } else { "b" };
        let service = client.ready().await.unwrap();
        sent.push(tokio::spawn(service.call(to(key))));
    }
    for task in sent {
        task.await.unwrap().unwrap();
    }
    assert_eq!(start.elapsed(), secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_handed_out_twice_makes_a_gate_for_each_key() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let shared = gate(1);
    let layer = by_path(1).gates(move |_| {
        count.fetch_add(1, Relaxed);
        shared.clone()
    });
    let client = client(&layer, Api::serving(secs(1)));
    let start = Instant::now();
    join_all(["a", "b", "c"].map(|key| client.clone().oneshot(to(key)))).await;
    assert_eq!(start.elapsed(), secs(1));
    assert_eq!(made.load(Relaxed), 3);
    client.clone().oneshot(to("a")).await.unwrap();
    assert_eq!(made.load(Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_closed_layer_answers_for_keys_to_come_too() {
    let layer = by_path(1);
    let client = client(&layer, Api::serving(secs(5)));
    let first = tokio::spawn(client.clone().oneshot(to("a")));
    tokio::task::yield_now().await;
    let second = tokio::spawn(client.clone().oneshot(to("a")));
    tokio::task::yield_now().await;
    let start = Instant::now();
    layer.handle().close();
    assert_eq!(second.await.unwrap().unwrap().status(), 503);
    let new = client.clone().oneshot(to("b")).await.unwrap();
    assert_eq!(new.status(), 503);
    assert_eq!(start.elapsed(), secs(0));
    layer.handle().drained().await;
    assert_eq!(start.elapsed(), secs(5));
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn the_default_gate_learns_for_each_key() {
    let layer = by_path(1).gates(|_| AdaptiveConcurrencyLayer::new());
    let client = client(&layer, Api::serving(secs(1)));
    join_all((0..200).map(|_| client.clone().oneshot(to("busy")))).await;
    client.clone().oneshot(to("idle")).await.unwrap();
    let limit = |key: &str| layer.handle().get(&key.to_owned()).unwrap().limit();
    assert!(limit("busy") > 16);
    assert_eq!(limit("idle"), 4);
}
