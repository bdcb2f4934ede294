//! The gate under a batch.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt, service_fn};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::limit::Fixed;

#[tokio::test(start_paused = true)]
async fn a_batch_runs_at_the_limit() {
    let layer = AdaptiveConcurrencyLayer::with_limit(Fixed::new(5));
    let handle = layer.handle();
    let svc = layer.layer(service_fn(|_: Request<()>| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hi"))))
    }));
    let start = tokio::time::Instant::now();
    let mut set = JoinSet::new();
    for _ in 0..50 {
        let svc = svc.clone();
        set.spawn(async move {
            let res = svc.oneshot(Request::new(())).await.unwrap();
            res.into_body().collect().await.unwrap();
        });
    }
    let mut peak = 0;
    while let Some(done) = set.join_next().await {
        done.unwrap();
        peak = peak.max(handle.in_flight());
    }
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert!(peak <= 5, "{peak}");
    assert_eq!(handle.accepted(), 50);
    assert_eq!(handle.in_flight(), 0);
}
