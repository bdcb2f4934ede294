//! Behind a gate: its hint is used, it is told what the body said, and waits are short.

use std::sync::{Arc, Mutex};

use http::{Response, StatusCode};
use http_body_util::Full;
use tokio::time::Instant;
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_throttle::message::HintSink;
use tower_throttle::retry::{Attempts, Backoff, Jitter};
use tower_throttle::{AdaptiveConcurrencyLayer, Hint, RetryOn429Layer};

use crate::support::*;

type Told = Arc<Mutex<Vec<Hint>>>;

fn behind_gate(
    mut response: Response<Full<bytes::Bytes>>,
    told: &Told,
) -> Response<Full<bytes::Bytes>> {
    let told = Arc::clone(told);
    let sink = HintSink::new(move |hint: &Hint| told.lock().unwrap().push(hint.clone()));
    response.extensions_mut().insert(sink);
    response
}

#[tokio::test(start_paused = true)]
async fn the_hint_that_the_gate_has_read_is_used() {
    // The headers say nothing; the hint that was left does.
    let read = Hint::parse(
        StatusCode::TOO_MANY_REQUESTS,
        retry_after(9).headers(),
        None,
        now(),
    );
    let mut refusal = behind_gate(status(429), &Told::default());
    refusal.extensions_mut().insert(read);
    let start = Instant::now();
    answer_of(RetryOn429Layer::new().layer(script([refusal]))).await;
    assert!(
        (secs(9)..ms(9002)).contains(&start.elapsed()),
        "no jitter: {:?}",
        start.elapsed()
    );
}

fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// A refusal that says only in its body how long to wait: three seconds.
#[cfg(feature = "json")]
fn told_by_the_body() -> Response<Full<bytes::Bytes>> {
    let body = r#"{"error":{"message":"Rate limit reached. Please try again in 3s."}}"#;
    let builder = Response::builder().status(429);
    builder.body(Full::from(body)).unwrap()
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn the_gate_is_told_what_only_the_body_says() {
    let told = Told::default();
    let inner = script([behind_gate(told_by_the_body(), &told)]);
    answer_of(RetryOn429Layer::new().layer(inner)).await;
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].wait(), Some(secs(3)));
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn the_gate_is_told_even_if_nothing_is_retried() {
    let told = Told::default();
    let layer = RetryOn429Layer::new().max_attempts(1);
    let inner = script([behind_gate(told_by_the_body(), &told)]);
    answer_of(layer.layer(inner)).await;
    assert_eq!(told.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_gate_is_not_told_what_it_knows() {
    let told = Told::default();
    let refusal = Response::builder().status(429).header("retry-after", "1");
    let refusal = refusal.body(Full::from("nothing of interest")).unwrap();
    let inner = script([behind_gate(refusal, &told)]);
    answer_of(RetryOn429Layer::new().layer(inner)).await;
    assert!(told.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn own_waits_grow_to_two_seconds_only() {
    let told = Told::default();
    let inner = script((0..8).map(|_| behind_gate(status(429), &told)));
    let backoff = Backoff::exponential(ms(500), secs(30)).jitter(Jitter::None);
    answer_of(RetryOn429Layer::new().backoff(backoff).layer(inner.clone())).await;
    let times = inner.times();
    let waits: Vec<_> = times
        .windows(2)
        .map(|t| (t[1] - t[0]).as_millis() / 10 * 10)
        .collect();
    assert_eq!(waits, [500, 1000, 2000, 2000, 2000, 2000, 2000, 2000]);
}

#[tokio::test(start_paused = true)]
async fn the_stack_serves_a_batch_against_a_real_gate() {
    let busy = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let inner = tower::service_fn(move |_: Req| {
        let busy = Arc::clone(&busy);
        async move {
            use std::sync::atomic::Ordering::SeqCst;
            if busy.fetch_add(1, SeqCst) >= 3 {
                busy.fetch_sub(1, SeqCst);
                return Ok(status(429));
            }
            tokio::time::sleep(ms(100)).await;
            busy.fetch_sub(1, SeqCst);
            Ok::<_, std::convert::Infallible>(status(200))
        }
    });
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(inner);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        tasks.spawn(client.clone().oneshot(get()));
    }
    let mut retried = 0;
    for response in tasks.join_all().await {
        let response = response.unwrap();
        assert_eq!(response.status(), 200);
        retried += usize::from(Attempts::of(response.extensions()).get() > 1);
    }
    assert!(retried > 0, "the gate has to find the limit");
}
