//! Requests refused together do not come back together.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tower::{Layer, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::{Backoff, Jitter};

use crate::support::*;

/// The waits of 1,000 requests that are refused at once, and then are served.
async fn waits(layer: RetryOn429Layer, retry_after: Option<u64>) -> Vec<Duration> {
    let start = Instant::now();
    let waits = Arc::new(Mutex::new(Vec::new()));
    let inner = tower::service_fn({
        let waits = Arc::clone(&waits);
        move |_: Req| {
            let waits = Arc::clone(&waits);
            async move {
                let mut answer = status(200);
                if start.elapsed() < ms(1) {
                    *answer.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
                    if let Some(wait) = retry_after {
                        answer.headers_mut().insert("retry-after", wait.into());
                    }
                } else {
                    waits.lock().unwrap().push(start.elapsed());
                }
                Ok::<_, Infallible>(answer)
            }
        }
    });
    // Each passes the pause before anyone is refused.
    let service = layer.layer(inner);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        tasks.spawn(service.clone().oneshot(get()));
    }
    for response in tasks.join_all().await {
        assert_eq!(response.unwrap().status(), 200);
    }
    let waits = waits.lock().unwrap().clone();
    assert_eq!(waits.len(), 1000);
    waits
}

/// How many waits differ, in milliseconds.
fn different(waits: &[Duration]) -> usize {
    waits
        .iter()
        .map(Duration::as_millis)
        .collect::<HashSet<_>>()
        .len()
}

#[tokio::test(start_paused = true)]
async fn own_waits_differ_and_stay_in_bounds() {
    for (jitter, low, high) in [
        (Jitter::Full, 0, 10_000),
        (Jitter::Equal, 5000, 10_000),
        (Jitter::Decorrelated, 10_000, 30_000),
    ] {
        let backoff = Backoff::exponential(secs(10), secs(60)).jitter(jitter);
        let waits = waits(RetryOn429Layer::new().backoff(backoff), None).await;
        assert!(
            waits
                .iter()
                .all(|wait| (ms(low)..=ms(high + 1)).contains(wait)),
            "{jitter:?}"
        );
        // 1,000 draws of 5,000 or more milliseconds: about 900 differ.
        assert!(different(&waits) > 800, "{jitter:?}: {}", different(&waits));
    }
}

#[tokio::test(start_paused = true)]
async fn without_jitter_they_come_back_together() {
    let backoff = Backoff::exponential(secs(10), secs(60)).jitter(Jitter::None);
    let waits = waits(RetryOn429Layer::new().backoff(backoff), None).await;
    assert!(different(&waits) <= 2);
}

#[tokio::test(start_paused = true)]
async fn waits_the_server_asked_for_are_never_shortened_and_differ() {
    let waits = waits(RetryOn429Layer::new(), Some(60)).await;
    assert!(
        waits
            .iter()
            .all(|wait| (secs(60)..=ms(61_002)).contains(wait))
    );
    assert!(different(&waits) > 500, "{}", different(&waits));
}
