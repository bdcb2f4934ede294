//! Tokens that are fetched by a hook, with the gate below and many at once.

use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use tokio_test::{assert_pending, task};
use tower::{Layer, ServiceExt};
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::retry::{Attempts, Refusal};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::support::refresh::*;
use crate::support::*;

/// The permit of an answer that was read to its end is free while the hook works.
#[tokio::test(start_paused = true)]
async fn no_permit_is_held_while_the_hook_works() {
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let layer = exact().on_refusal(|_: Refusal<'_>, _: &Req| Some(pending::<Option<Req>>()));
    let answer = Response::builder()
        .status(401)
        .body(TestBody::of(&["a", "b"]))
        .unwrap();
    let mut response = task::spawn(layer.layer(gate.layer(script([answer]))).oneshot(get()));
    assert_pending!(response.poll());
    assert_eq!(handle.in_flight(), 0);
}

/// An API of one token, that answers after 10 ms, and the layers before it.
struct OneToken {
    token: Arc<tokio::sync::Mutex<HeaderValue>>,
    valid: Arc<Mutex<HeaderValue>>,
    said_401: Arc<AtomicUsize>,
    renewed: Arc<AtomicUsize>,
}

impl OneToken {
    fn new() -> Self {
        let first = HeaderValue::from_static("Bearer first");
        Self {
            token: Arc::new(first.clone().into()),
            valid: Arc::new(first.into()),
            said_401: Arc::default(),
            renewed: Arc::default(),
        }
    }

    fn api(
        &self,
    ) -> impl tower::Service<Req, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + use<> {
        let (valid, said_401) = (Arc::clone(&self.valid), Arc::clone(&self.said_401));
        tower::service_fn(move |request: Req| {
            let good = request.headers().get(AUTHORIZATION) == Some(&*valid.lock().unwrap());
            said_401.fetch_add(usize::from(!good), SeqCst);
            async move {
                sleep(ms(10)).await;
                Ok(status(if good { 200 } else { 401 }))
            }
        })
    }

    /// The hook of the docs.
    fn hook(&self) -> impl Fn(Refusal<'_>, &Req) -> Option<Refresh> + use<> {
        let (token, valid) = (Arc::clone(&self.token), Arc::clone(&self.valid));
        let renewed = Arc::clone(&self.renewed);
        move |refusal, request| {
            if refusal.status() != StatusCode::UNAUTHORIZED {
                return None;
            }
            let (token, mut request) = (Arc::clone(&token), request.clone());
            let (valid, renewed) = (Arc::clone(&valid), Arc::clone(&renewed));
            Some(Box::pin(async move {
                let mut token = token.lock().await;
                if request.headers().get(AUTHORIZATION) == Some(&*token) {
                    sleep(ms(50)).await;
                    renewed.fetch_add(1, SeqCst);
                    *token = valid.lock().unwrap().clone();
                }
                request.headers_mut().insert(AUTHORIZATION, token.clone());
                Some(request)
            }))
        }
    }

    async fn request(&self) -> Req {
        with_token(get(), self.token.lock().await.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_that_are_told_at_once_refresh_once() {
    let one = OneToken::new();
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(50));
    let handle = gate.handle();
    let service = exact().on_refusal(one.hook()).layer(gate.layer(one.api()));
    *one.valid.lock().unwrap() = FRESH;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        calls.spawn(service.clone().oneshot(one.request().await));
    }
    for response in calls.join_all().await {
        assert_eq!(response.unwrap().status(), 200);
    }
    assert_eq!(one.said_401.load(SeqCst), 50);
    assert_eq!(one.renewed.load(SeqCst), 1);
    assert_eq!(handle.in_flight(), 0);
}

/// One of them is given up while it refreshes: the next takes over.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_is_cancelled_is_the_next_one_s() {
    let one = OneToken::new();
    let service = exact().on_refusal(one.hook()).layer(one.api());
    *one.valid.lock().unwrap() = FRESH;
    let first = tokio::spawn(service.clone().oneshot(one.request().await));
    sleep(ms(5)).await;
    let second = tokio::spawn(service.clone().oneshot(one.request().await));
    sleep(ms(20)).await;
    first.abort();
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    assert_eq!(one.renewed.load(SeqCst), 1);
}

/// A 401 is answered before the work: the limit neither shrinks for it nor grows, and it takes no
/// part in what counts as served.
#[tokio::test(start_paused = true)]
async fn a_401_leaves_the_limit_alone() {
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let one = OneToken::new();
    let service = RetryOn429Layer::new().layer(gate.layer(one.api()));
    for _ in 0..20 {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..20 {
            calls.spawn(service.clone().oneshot(get()));
        }
        for response in calls.join_all().await {
            assert_eq!(response.unwrap().status(), 401);
        }
        assert_eq!(handle.limit(), 4);
    }
    assert_eq!((handle.accepted(), handle.refused()), (0, 0));
    // The same with answers that count.
    for _ in 0..20 {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..20 {
            calls.spawn(service.clone().oneshot(one.request().await));
        }
        calls.join_all().await;
    }
    assert!(handle.limit() > 4, "{}", handle.limit());
}

#[tokio::test(start_paused = true)]
async fn a_401_a_429_and_a_200_behind_the_gate() {
    let count = Arc::default();
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let inner = script([status(401), retry_after(3), status(200)]);
    let layer = exact().on_refusal(refresh(&count));
    let start = Instant::now();
    let service = layer.layer(gate.layer(inner.clone()));
    let response = service.oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(Attempts::of(response.extensions()).get(), 3);
    assert_eq!(tokens(&inner), [None, Some(FRESH), Some(FRESH)]);
    assert_eq!(handle.refused(), 1);
    assert!(start.elapsed() >= secs(4), "{:?}", start.elapsed());
    drop(response);
    assert_eq!(handle.in_flight(), 0);
}

/// Dropped at every stage, with a gate below: its permit is home, and the next one is served.
#[tokio::test(start_paused = true)]
async fn dropped_at_any_moment_it_leaves_nothing_behind() {
    for moment in [0, 5, 12, 30, 59, 61, 65, 75] {
        let one = OneToken::new();
        let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(1));
        let handle = gate.handle();
        let service = exact().on_refusal(one.hook()).layer(gate.layer(one.api()));
        *one.valid.lock().unwrap() = FRESH;
        let call = tokio::spawn(service.clone().oneshot(one.request().await));
        sleep(ms(moment)).await;
        call.abort();
        let _ = call.await;
        assert_eq!((handle.in_flight(), handle.waiting()), (0, 0), "{moment}");
        let next = service.clone().oneshot(one.request().await).await.unwrap();
        assert_eq!(next.status(), 200, "{moment}");
    }
}
