//! The hook that can await, and have a request sent again.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, ServiceExt};
use tower_throttle::retry::{Attempts, Decision, Head, Refusal};

use crate::support::refresh::*;
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_401_is_sent_again_with_what_the_hook_gave() {
    let count = Arc::default();
    let inner = script([status(401)]);
    let layer = exact().on_refusal(refresh(&count));
    let start = Instant::now();
    let request = with_token(post("hello"), HeaderValue::from_static("Bearer stale"));
    let response = layer.layer(inner.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(Attempts::of(response.extensions()).get(), 2);
    assert_eq!(start.elapsed(), secs(1), "no backoff after the hook");
    assert_eq!(count.load(SeqCst), 1);
    assert_eq!(
        tokens(&inner),
        [Some(HeaderValue::from_static("Bearer stale")), Some(FRESH)]
    );
    let (_, sent) = inner.seen.lock().unwrap().pop().unwrap();
    assert_eq!(sent.method(), "POST", "whatever the method");
    assert_eq!(
        sent.into_body().collect().await.unwrap().to_bytes(),
        "hello"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_hook_gave_is_kept_for_the_attempts_that_follow() {
    let count = Arc::default();
    let inner = script([status(401), status(429), retry_after(2), status(200)]);
    let layer = exact()
        .attempt_header(http::HeaderName::from_static("x-attempt"))
        .on_refusal(refresh(&count));
    let start = Instant::now();
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(Attempts::of(response.extensions()).get(), 4);
    assert_eq!(
        tokens(&inner),
        [None, Some(FRESH), Some(FRESH), Some(FRESH)]
    );
    let numbers: Vec<_> = inner
        .seen
        .lock()
        .unwrap()
        .iter()
        .map(|(_, request)| request.headers()["x-attempt"].clone())
        .collect();
    assert_eq!(numbers, ["1", "2", "3", "4"]);
    assert!(
        (ms(3100)..ms(3310)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_first_and_a_401_then() {
    let count = Arc::default();
    let inner = script([status(429), status(401), status(503)]);
    let layer = exact().on_refusal(refresh(&count));
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(tokens(&inner), [None, None, Some(FRESH), Some(FRESH)]);
}

#[tokio::test(start_paused = true)]
async fn each_status_is_acted_upon_once() {
    let acted = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&acted);
    let inner = script([401, 403, 401].map(status));
    let layer = exact().on_refusal(move |refusal: Refusal<'_>, request: &Req| {
        noted
            .lock()
            .unwrap()
            .push((refusal.status().as_u16(), refusal.attempt()));
        Some(ready(Some(request.clone())))
    });
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(inner.count(), 3);
    assert_eq!(*acted.lock().unwrap(), [(401, 1), (403, 2)]);
}

/// A refusal in its first form is the hook's, in its second the layer's.
#[tokio::test(start_paused = true)]
async fn a_429_can_be_acted_upon_too_and_is_retried_otherwise() {
    let inner = script([status(429), status(429)]);
    let layer = exact().on_refusal(|refusal: Refusal<'_>, request: &Req| {
        assert!(refusal.hint().is_refusal());
        Some(ready(Some(with_token(request.clone(), FRESH))))
    });
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 200);
    let times = inner.times();
    assert_eq!(times[1] - times[0], ms(0));
    assert!(times[2] - times[1] >= ms(100), "with backoff");
    assert_eq!(tokens(&inner), [None, Some(FRESH), Some(FRESH)]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_server_asked_for_is_waited_out() {
    let inner = script([retry_after(5)]);
    let layer =
        exact().on_refusal(|_: Refusal<'_>, request: &Req| Some(ready(Some(request.clone()))));
    layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    let times = inner.times();
    assert!(times[1] - times[0] >= secs(5));
}

#[tokio::test(start_paused = true)]
async fn what_the_hook_leaves_alone_is_the_layer_s() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let layer = exact().on_refusal(move |_: Refusal<'_>, _: &Req| {
        counted.fetch_add(1, SeqCst);
        None::<std::future::Ready<Option<Req>>>
    });
    for (answers, end, times) in [
        (vec![401], 401, 1),
        (vec![404], 404, 1),
        (vec![500], 500, 1),
        (vec![429, 503], 200, 2),
        (vec![200], 200, 0),
        (vec![302], 302, 0),
    ] {
        let inner = script(answers.into_iter().map(status));
        let response = layer.layer(inner).oneshot(get()).await.unwrap();
        assert_eq!(response.status(), end);
        assert_eq!(asked.swap(0, SeqCst), times, "{end}");
    }
}

/// An answer that the hook is asked about and leaves alone is not read, nor changed.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_left_alone_is_not_read() {
    let body = TestBody::of(&["part"]).then(Then::Pend);
    let answer = Response::builder().status(404).body(body).unwrap();
    let layer =
        exact().on_refusal(|_: Refusal<'_>, _: &Req| None::<std::future::Ready<Option<Req>>>);
    let mut response = task::spawn(layer.layer(script([answer])).oneshot(get()));
    let response = assert_ready_ok!(response.poll());
    assert!(response.extensions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_hook_is_not_asked_about_what_the_classifier_accepts() {
    let count = Arc::default();
    let layer = exact()
        .classify(|result: Result<Head<'_>, &Infallible>| match result {
            Ok(head) if head.status() == 401 => Decision::Accept,
            _ => Decision::Default,
        })
        .on_refusal(refresh(&count));
    let response = answer_of(layer.layer(script([status(401)]))).await;
    assert_eq!((response.status().as_u16(), count.load(SeqCst)), (401, 0));
}

/// What it is not to retry for the method, a hook may have sent again.
#[tokio::test(start_paused = true)]
async fn the_hook_sees_what_the_classifier_could_not_retry() {
    let layer = exact()
        .classify(tower_throttle::retry::retry_server_errors())
        .on_refusal(|refusal: Refusal<'_>, request: &Req| {
            assert_eq!(refusal.status(), 500);
            Some(ready(Some(request.clone())))
        });
    let response = layer
        .layer(script([status(500)]))
        .oneshot(post("x"))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn the_hint_of_a_refusal_includes_its_body() {
    let answer = Response::builder().status(429);
    let answer = answer
        .body(Full::<Bytes>::from(
            r#"{"error":{"code":"insufficient_quota"}}"#,
        ))
        .unwrap();
    let layer = exact().on_refusal(|refusal: Refusal<'_>, request: &Req| {
        let permanent = refusal.hint().verdict(secs(1)) == tower_throttle::hint::Verdict::Permanent;
        assert!(permanent);
        Some(ready(Some(with_token(request.clone(), FRESH))))
    });
    let inner = script([answer]);
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 200, "with another account's key");
    assert_eq!(tokens(&inner), [None, Some(FRESH)]);
}

#[test]
fn nothing_secret_is_shown() {
    let shown = Mutex::new(String::new());
    let layer = exact().on_refusal(|refusal: Refusal<'_>, _: &Req| {
        *shown.lock().unwrap() = format!("{refusal:?}");
        Some(pending::<Option<Req>>())
    });
    let answer = Response::builder()
        .status(401)
        .header("set-cookie", "SECRET");
    let answer = answer.body(Full::<Bytes>::default()).unwrap();
    let mut service = layer.layer(script([answer]));
    let request = with_token(get(), HeaderValue::from_static("SECRET"));
    let mut response = task::spawn(tower::Service::call(&mut service, request));
    assert_pending!(response.poll());
    let all = format!(
        "{layer:?}{service:?}{:?}{}",
        *response,
        shown.lock().unwrap()
    );
    assert!(!all.contains("SECRET"), "{all}");
    assert!(all.contains("Acting") && all.contains("401"), "{all}");
}
