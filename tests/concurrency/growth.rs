//! The limit grows for a single waiter as it does for many, and nobody waits for answers that are long
//! in coming.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use http_body_util::{BodyExt, Channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tower::{Layer, Service, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;

use crate::support::*;

/// What 1,000 requests of two seconds take when each has a clone of its own.
const BEST: Duration = Duration::from_millis(14_300);
const REQUESTS: usize = 1000;

fn assert_grown(start: Instant) {
    let took = start.elapsed();
    assert!(took < BEST + Duration::from_secs(1), "{took:?}");
}

/// Makes `REQUESTS` calls of one service from this task; only the futures run in tasks of their own.
async fn one_by_one<S>(mut service: S)
where
    S: Service<Request<()>>,
    S::Error: std::fmt::Debug + Send,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    let mut calls = JoinSet::new();
    for _ in 0..REQUESTS {
        let Ok(service) = service.ready().await else {
            panic!("the service is broken");
        };
        let call = service.call(Request::new(()));
        calls.spawn(async move { call.await.is_ok() });
    }
    assert!(calls.join_all().await.into_iter().all(|served| served));
}

#[tokio::test(start_paused = true)]
async fn one_service_in_one_task_is_as_fast_as_a_clone_for_each_request() {
    let service = AdaptiveConcurrencyLayer::new().layer(server(Duration::from_secs(2)));
    let start = Instant::now();
    one_by_one(service).await;
    assert_grown(start);
}

#[tokio::test(start_paused = true)]
async fn a_buffer_above_is_as_fast_as_a_clone_for_each_request() {
    let service = AdaptiveConcurrencyLayer::new().layer(server(Duration::from_secs(2)));
    let start = Instant::now();
    one_by_one(tower::buffer::Buffer::new(service, 4)).await;
    assert_grown(start);
}

#[tokio::test(start_paused = true)]
async fn call_all_unordered_is_as_fast_as_a_clone_for_each_request() {
    let service = AdaptiveConcurrencyLayer::new().layer(server(Duration::from_secs(2)));
    let start = Instant::now();
    let requests = stream::iter((0..REQUESTS).map(|_| Request::new(())));
    let answers = service.call_all(requests).unordered();
    assert_eq!(
        answers
            .filter(|a| std::future::ready(a.is_ok()))
            .count()
            .await,
        REQUESTS
    );
    assert_grown(start);
}

#[tokio::test(start_paused = true)]
async fn one_request_does_not_wait_for_answers_that_never_end() {
    let mut senders = Vec::new();
    let service = tower::service_fn(move |_: Request<()>| {
        let (sender, body) = Channel::<Bytes, Infallible>::new(1);
        senders.push(sender);
        std::future::ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let layer = AdaptiveConcurrencyLayer::new();
    let mut service = layer.layer(service);
    for _ in 0..4 {
        let response = service.ready().await.unwrap().call(Request::new(())).await;
        tokio::spawn(response.unwrap().into_body().collect());
    }
    settle().await;
    assert_eq!(layer.handle().in_flight(), 4);
    let fifth = timeout(Duration::from_millis(100), service.ready()).await;
    assert!(fifth.is_ok(), "it waits for the end of the others");
}

#[tokio::test(start_paused = true)]
async fn a_short_call_does_not_wait_for_long_ones() {
    let latencies = [60_000, 60_000, 60_000, 60_000, 100].map(Duration::from_millis);
    let mut latencies = latencies.into_iter();
    let layer = AdaptiveConcurrencyLayer::new();
    let mut service = layer.layer(tower::service_fn(move |_: Request<()>| {
        let latency = latencies.next().unwrap();
        async move {
            tokio::time::sleep(latency).await;
            Ok::<_, Infallible>(answer(200))
        }
    }));
    for _ in 0..4 {
        tokio::spawn(service.ready().await.unwrap().call(Request::new(())));
    }
    let start = Instant::now();
    let short = service.ready().await.unwrap().call(Request::new(()));
    short.await.unwrap();
    // Its own 0.1 s, and the time in which a refusal would have come.
    let took = start.elapsed();
    assert!(took <= Duration::from_millis(350), "{took:?}");
}
