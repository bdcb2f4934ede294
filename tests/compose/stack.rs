//! Both layers together.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::{ServiceBuilder, ServiceExt};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

/// How long 500 requests take that are all refused with this answer.
async fn all_refused(retry_after: Option<&'static str>, body: &'static str) -> Duration {
    let server = tower::service_fn(move |_: Request<Full<Bytes>>| async move {
        sleep(Duration::from_millis(35)).await;
        let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
        *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        if let Some(wait) = retry_after {
            let headers = answer.headers_mut();
            headers.insert("retry-after", wait.parse().unwrap());
        }
        Ok::<_, Infallible>(answer)
    });
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(server);
    let start = Instant::now();
    let mut jobs = JoinSet::new();
    for _ in 0..500 {
        jobs.spawn(client.clone().oneshot(Request::new(Full::default())));
    }
    while let Some(ended) = jobs.join_next().await {
        assert_eq!(ended.unwrap().unwrap().status(), 429);
    }
    start.elapsed()
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up_for_good_is_told_to_all_at_once() {
    let took = all_refused(None, r#"{"error":{"code":"insufficient_quota"}}"#).await;
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_nobody_accepts_is_told_to_all_at_once() {
    let took = all_refused(Some("86400"), "").await;
    assert!(took < Duration::from_secs(60), "{took:?}");
}
