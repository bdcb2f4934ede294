//! Refusals are retried, as long as the server asks and within the bounds.

use http_body_util::BodyExt;
use tokio::time::Instant;
use tower::{Layer, ServiceExt};
use tower_throttle::retry::{Attempts, Backoff, Jitter};
use tower_throttle::{Hint, RetryOn429Layer};

use crate::support::*;

fn exact() -> Backoff {
    Backoff::exponential(ms(100), secs(10)).jitter(Jitter::None)
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_refusal_is_returned_as_it_is() {
    for code in [200, 204, 302, 400, 404, 500] {
        let inner = script([status(code)]);
        let response = answer_of(RetryOn429Layer::new().layer(inner.clone())).await;
        assert_eq!(response.status(), code);
        assert_eq!(inner.count(), 1);
        assert!(response.extensions().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_retried_until_it_is_served() {
    let inner = script([status(429), status(503), status(429)]);
    let layer = RetryOn429Layer::new().backoff(exact());
    let start = Instant::now();
    let response = layer
        .layer(inner.clone())
        .oneshot(post("hello"))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(Attempts::of(response.extensions()).get(), 4);
    assert!(
        (ms(700)..ms(710)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
    let seen = std::mem::take(&mut *inner.seen.lock().unwrap());
    for (_, request) in seen {
        assert_eq!(request.method(), "POST");
        assert_eq!(
            request.into_body().collect().await.unwrap().to_bytes(),
            "hello"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_the_server_asks_for_is_a_floor() {
    for _ in 0..100 {
        let inner = script([retry_after(7)]);
        let start = Instant::now();
        answer_of(RetryOn429Layer::new().layer(inner)).await;
        let waited = start.elapsed();
        assert!((ms(7000)..=ms(7702)).contains(&waited), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_zero_leaves_the_own_backoff() {
    let inner = script([retry_after(0)]);
    let start = Instant::now();
    answer_of(RetryOn429Layer::new().backoff(exact()).layer(inner)).await;
    assert!(start.elapsed() >= ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_three_days_is_not_slept() {
    let inner = script([retry_after(3 * 86_400)]);
    let start = Instant::now();
    let response = answer_of(RetryOn429Layer::new().layer(inner)).await;
    assert_eq!(start.elapsed(), ms(0));
    assert_eq!(response.status(), 429);
    assert_eq!(Attempts::of(response.extensions()).get(), 1);
    let hint = response.extensions().get::<Hint>().unwrap();
    assert_eq!(hint.wait(), Some(secs(3 * 86_400)));
}
