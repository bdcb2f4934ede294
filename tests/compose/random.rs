//! Seeded layers make a run that can be repeated; unseeded ones do not, and keys never do.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::{BodyExt, Collected};
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_throttle::retry::IdempotencyKey;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::support::*;

/// When each attempt was sent, and with which key.
type Sends = Vec<(Duration, String)>;

/// 200 requests at a server that serves one in 50 ms, and says so of every second one it refuses.
async fn sends(retry: RetryOn429Layer, gate: Option<AdaptiveConcurrencyLayer>) -> Sends {
    let start = Instant::now();
    let sends = Arc::new(Mutex::new(Sends::new()));
    let server = service_fn({
        let (sends, free) = (Arc::clone(&sends), Arc::new(Mutex::new((start, 0_u32))));
        move |request: Req| {
            let key = request.headers()["idempotency-key"].to_str().unwrap();
            sends
                .lock()
                .unwrap()
                .push((start.elapsed(), key.to_owned()));
            let answer = {
                let (now, mut free) = (Instant::now(), free.lock().unwrap());
                free.1 += 1;
                match free.1 {
                    _ if now >= free.0 => {
                        free.0 = now + ms(50);
                        status(200)
                    }
                    odd if odd % 2 == 1 => retry_after(1),
                    _ => status(429),
                }
            };
            async move {
                sleep(ms(5)).await;
                Ok::<_, Infallible>(answer)
            }
        }
    });
    let retry = retry.idempotency_key(IdempotencyKey::Bare);
    let client = match gate {
        None => whole(retry.layer(server)),
        Some(gate) => whole(retry.layer(gate.layer(server))),
    };
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        tasks.spawn(client.clone().oneshot(get()));
    }
    tasks.join_all().await;
    let sends = sends.lock().unwrap().clone();
    assert!(sends.len() > 205, "{}", sends.len());
    sends
}

/// A client whose answers are read to their end.
fn whole<S, B>(client: S) -> BoxCloneSyncService<Req, Bytes, Infallible>
where
    S: Service<Req, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    BoxCloneSyncService::new(client.and_then(|answer: Response<B>| async move {
        answer.into_body().collect().await.map(Collected::to_bytes)
    }))
}

fn times(sends: &Sends) -> Vec<Duration> {
    sends.iter().map(|(at, _)| *at).collect()
}

fn keys(sends: &Sends) -> HashSet<&str> {
    sends.iter().map(|(_, key)| key.as_str()).collect()
}

fn gate() -> AdaptiveConcurrencyLayer {
    AdaptiveConcurrencyLayer::new()
}

/// `sends` on a paused clock of its own.
fn run(retry: RetryOn429Layer, gate: Option<AdaptiveConcurrencyLayer>) -> Sends {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(sends(retry, gate))
}

#[test]
fn runs_of_the_same_seed_send_at_the_same_times() {
    let retries = |seed| times(&run(RetryOn429Layer::new().seed(seed), None));
    assert_eq!(retries(1), retries(1));
    assert_ne!(retries(1), retries(2));
}

#[test]
fn runs_of_the_same_seeds_behind_a_gate_send_at_the_same_times() {
    let both = |seed| {
        let retry = RetryOn429Layer::new().seed(seed);
        times(&run(retry, Some(gate().seed(seed))))
    };
    assert_eq!(both(1), both(1));
    assert_ne!(both(1), both(2));
}

#[test]
fn runs_without_a_seed_differ() {
    let free = || times(&run(RetryOn429Layer::new(), Some(gate())));
    assert_ne!(free(), free());
}

#[test]
fn idempotency_keys_are_unique_whatever_is_seeded() {
    let seeded = || {
        fastrand::seed(42);
        run(RetryOn429Layer::new().seed(42), Some(gate().seed(42)))
    };
    let (first, second) = (seeded(), seeded());
    assert_eq!(keys(&first).len(), 200);
    assert!(keys(&first).is_disjoint(&keys(&second)));
}

#[test]
fn a_seeded_clone_leaves_the_layer_that_it_was_cloned_from_as_it_is() {
    let layer = RetryOn429Layer::new().seed(1);
    let _other = layer.clone().seed(2);
    let sends = times(&run(layer, None));
    assert_eq!(sends, times(&run(RetryOn429Layer::new().seed(1), None)));
}
