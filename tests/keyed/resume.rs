//! What a key's gate has learned, when the key goes and comes back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tower::ServiceExt;
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::Learnt;
use tower_throttle::keyed::KeyedLayer;

use crate::support::{
    Api, ByPath, Client, by_path, client, retry_after, secs, status, to, with_header,
};

type Store = Arc<Mutex<HashMap<String, Learnt>>>;

/// At most one key is kept, and what others have learned is stored.
fn stored(store: &Store) -> KeyedLayer<String, ByPath> {
    let (keeps, recalls) = (Arc::clone(store), Arc::clone(store));
    by_path(1)
        .gates(|_| AdaptiveConcurrencyLayer::new())
        .max_keys(1)
        .on_evict(move |key: &String, learnt| {
            keeps.lock().unwrap().insert(key.clone(), learnt);
        })
        .resume(move |key: &String| recalls.lock().unwrap().get(key).cloned())
}

async fn send(client: &Client, key: &str) {
    client.clone().oneshot(to(key)).await.unwrap();
}

fn is_resumed(layer: &KeyedLayer<String, ByPath>, key: &str) -> bool {
    layer.handle().get(&key.to_owned()).unwrap().is_resumed()
}

#[tokio::test(start_paused = true)]
async fn what_is_evicted_is_kept_and_given_back_when_the_key_comes_again() {
    let store = Store::default();
    let layer = stored(&store);
    let client = client(&layer, Api::serving(secs(2)));
    send(&client, "a").await;
    assert!(!is_resumed(&layer, "a"));
    assert!(store.lock().unwrap().is_empty(), "it is still there");
    send(&client, "b").await;
    let kept = store.lock().unwrap().get("a").cloned().unwrap();
    assert_eq!(kept.round_trip(), Some(secs(2)));
    send(&client, "a").await;
    assert!(is_resumed(&layer, "a"));
    assert_eq!(store.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn all_keys_are_exported_each_gate_once() {
    let layer = by_path(3).alias(|_, headers| {
        let bucket = headers.get("x-bucket")?;
        Some(bucket.to_str().ok()?.to_owned())
    });
    let api = Api::new(|request| {
        let answer = status(200);
        let of_bucket = request.uri().path().contains("x/");
        let answer = if of_bucket {
            with_header(answer, "x-bucket", "x")
        } else {
            answer
        };
        (secs(1), answer)
    });
    let client = client(&layer, api);
    for key in ["x/1", "x/2", "y"] {
        send(&client, key).await;
    }
    let mut all = layer.handle().export();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let limits: Vec<_> = all
        .iter()
        .map(|(key, learnt)| (key.as_str(), learnt.limit()))
        .collect();
    assert_eq!(limits, [("x", 3), ("y", 3)]);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_begins_with_its_own_record_and_not_with_that_of_its_first_key() {
    let store = Store::default();
    let record = Learnt::new(7).with_at(std::time::SystemTime::now());
    store.lock().unwrap().insert("x".to_owned(), record);
    let layer = stored(&store)
        .max_keys(10)
        .alias(|_, _| Some("x".to_owned()));
    let client = client(&layer, Api::serving(secs(1)));
    send(&client, "x/1").await;
    assert!(is_resumed(&layer, "x"));
    assert!(is_resumed(&layer, "x/1"), "it leads to the bucket's gate");
}

#[tokio::test(start_paused = true)]
async fn a_paused_key_comes_back_paused() {
    let store = Store::default();
    let layer = stored(&store);
    let first = client(&layer, Api::new(|_| (secs(0), retry_after(60))));
    send(&first, "a").await;
    for (key, learnt) in layer.handle().export() {
        store.lock().unwrap().insert(key, learnt.aged(secs(20)));
    }
    let layer = stored(&store);
    let second = client(&layer, Api::serving(secs(0)));
    let start = tokio::time::Instant::now();
    send(&second, "a").await;
    let waited = start.elapsed().as_secs_f64();
    assert!((40.0..=41.0).contains(&waited), "{waited}");
}
