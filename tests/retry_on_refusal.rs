//! The hook that can await, and have a request sent again.

mod support;

use std::convert::Infallible;
use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::{BodyExt, Full};
use support::*;
use tokio::time::{Instant, sleep};
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, ServiceExt};
use tower_throttle::retry::{Attempts, Backoff, Decision, Head, Jitter, Refusal, RetryBudget};
use tower_throttle::{AdaptiveConcurrencyLayer, Hint, RetryOn429Layer};

const FRESH: HeaderValue = HeaderValue::from_static("Bearer fresh");

fn exact() -> RetryOn429Layer {
    RetryOn429Layer::new().backoff(Backoff::exponential(ms(100), ms(100)).jitter(Jitter::None))
}

fn with_token(mut request: Req, token: HeaderValue) -> Req {
    request.headers_mut().insert(AUTHORIZATION, token);
    request
}

type Refresh = Pin<Box<dyn Future<Output = Option<Req>> + Send>>;

/// Refreshes for a second, and counts how often.
fn refresh(count: &Arc<AtomicUsize>) -> impl Fn(Refusal<'_>, &Req) -> Option<Refresh> + use<> {
    let count = Arc::clone(count);
    move |refusal, request| {
        if refusal.status() != StatusCode::UNAUTHORIZED {
            return None;
        }
        count.fetch_add(1, SeqCst);
        let request = request.clone();
        Some(Box::pin(async move {
            sleep(secs(1)).await;
            Some(with_token(request, FRESH))
        }))
    }
}

fn tokens<R, E>(inner: &Script<R, E>) -> Vec<Option<HeaderValue>> {
    let seen = inner.seen.lock().unwrap();
    seen.iter()
        .map(|(_, request)| request.headers().get(AUTHORIZATION).cloned())
        .collect()
}

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
async fn an_api_that_always_says_401_ends() {
    let count = Arc::default();
    let refused = || {
        let answer = Response::builder().status(401);
        answer.body(Full::<Bytes>::from("expired")).unwrap()
    };
    let inner = script((0..50).map(|_| refused()));
    let layer = exact().on_refusal(refresh(&count));
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(inner.count(), 2);
    assert_eq!(count.load(SeqCst), 1);
    assert_eq!(Attempts::of(response.extensions()).get(), 2);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "expired"
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
async fn the_hook_may_give_up() {
    let body = TestBody::of(&["expi", "red"]).trailer("x-end", "1");
    let answer = Response::builder()
        .status(401)
        .header("x-why", "expired")
        .body(body)
        .unwrap();
    let inner = script([answer]);
    let layer = exact().on_refusal(|_: Refusal<'_>, _: &Req| {
        Some(async {
            sleep(secs(1)).await;
            None
        })
    });
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["x-why"], "expired");
    assert_eq!(inner.count(), 1);
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-end"], "1");
    assert_eq!(body.to_bytes(), "expired");
}

#[tokio::test(start_paused = true)]
async fn giving_up_a_refusal_says_what_it_was() {
    let layer = exact().on_refusal(|_: Refusal<'_>, _: &Req| Some(ready(None::<Req>)));
    let response = layer
        .layer(script([retry_after(7)]))
        .oneshot(get())
        .await
        .unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(
        Hint::of(response.extensions()).unwrap().wait(),
        Some(secs(7))
    );
    assert_eq!(Attempts::of(response.extensions()).get(), 1);
}

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

#[tokio::test(start_paused = true)]
async fn a_hook_that_never_ends_ends_with_the_call() {
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let inner = script([status(401)]);
    let layer = exact().on_refusal(move |_: Refusal<'_>, request: &Req| {
        let (held, request) = (Arc::clone(&held), request.clone());
        Some(async move {
            pending::<()>().await;
            drop(held);
            Some(request)
        })
    });
    let service = layer.layer(inner.clone());
    let mut response = task::spawn(service.oneshot(get()));
    assert_pending!(response.poll());
    assert_eq!(Arc::strong_count(&alive), 3);
    sleep(secs(3600)).await;
    assert!(!response.is_woken());
    assert_pending!(response.poll());
    drop(response);
    assert_eq!(Arc::strong_count(&alive), 2, "the hook's own is left");
    assert_eq!(inner.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn tower_s_timeout_bounds_the_hook() {
    let layer = exact().on_refusal(|_: Refusal<'_>, _: &Req| Some(pending::<Option<Req>>()));
    let service = tower::timeout::Timeout::new(layer.layer(script([status(401)])), secs(3));
    let start = Instant::now();
    let error = service.oneshot(get()).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>());
    assert_eq!(start.elapsed(), secs(3));
}

/// A body that does not end is read for as long as any refused one, and the hook works then.
#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_end_is_not_waited_for() {
    let count = Arc::default();
    let body = TestBody::of(&["part"]).then(Then::Pend);
    let answer = Response::builder().status(401).body(body).unwrap();
    let inner = script([answer]);
    let layer = exact().on_refusal(refresh(&count));
    let start = Instant::now();
    let response = layer.layer(inner).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(start.elapsed(), secs(2), "one to read, one to refresh");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_copied_gets_its_answer() {
    use tower_throttle::retry::SingleUse;
    type Once = http::Request<SingleUse<Full<Bytes>>>;
    let inner: Script<Response<Full<Bytes>>, Infallible, Once> = Script::of([Ok(status(401))]);
    let layer = exact().on_refusal(
        |_: Refusal<'_>, _: &Once| -> Option<std::future::Ready<Option<Once>>> {
            panic!("nothing can be sent again")
        },
    );
    let request = Once::new(SingleUse::new(Full::from("hello")));
    let response = layer.layer(inner.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(inner.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_streamed_body_that_is_kept_goes_through_the_hook() {
    use tower_throttle::message::ReplayRequest;
    use tower_throttle::retry::ReplayBody;
    type Replayed = http::Request<ReplayBody<Full<Bytes>>>;
    let answers = [status(401), status(429), status(200)].map(Ok);
    let inner: Script<Response<Full<Bytes>>, Infallible, Replayed> = Script::of(answers);
    let layer = exact().on_refusal(|refusal: Refusal<'_>, request: &Replayed| {
        (refusal.status() == 401).then(|| ready(request.try_clone()))
    });
    let request = Replayed::new(ReplayBody::new(Full::from("hello"), 100));
    let response = layer.layer(inner.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let seen = std::mem::take(&mut *inner.seen.lock().unwrap());
    let (_, last) = seen.into_iter().next_back().unwrap();
    assert_eq!(
        last.into_body().collect().await.unwrap().to_bytes(),
        "hello"
    );
}

#[tokio::test(start_paused = true)]
async fn the_bounds_hold_for_the_hook() {
    let count = Arc::default();
    let inner = script([status(401)]);
    let layer = exact().max_attempts(1).on_refusal(refresh(&count));
    let response = layer.layer(inner).oneshot(get()).await.unwrap();
    assert_eq!((response.status().as_u16(), count.load(SeqCst)), (401, 0));

    let layer = exact().max_attempts(2).on_refusal(refresh(&count));
    let inner = script([status(429), status(401)]);
    let response = layer.layer(inner).oneshot(get()).await.unwrap();
    assert_eq!((response.status().as_u16(), count.load(SeqCst)), (401, 0));

    let layer = exact().max_elapsed(ms(900)).on_refusal(refresh(&count));
    let response = layer
        .layer(script([status(401)]))
        .oneshot(get())
        .await
        .unwrap();
    assert_eq!((response.status().as_u16(), count.load(SeqCst)), (401, 1));

    let budget = RetryBudget::new(1).per_accepted(0.0);
    let layer = exact().budget(budget.clone()).on_refusal(refresh(&count));
    let response = layer
        .layer(script([status(401)]))
        .oneshot(get())
        .await
        .unwrap();
    assert_eq!((response.status().as_u16(), budget.available()), (200, 0));
    let response = layer
        .layer(script([status(401)]))
        .oneshot(get())
        .await
        .unwrap();
    assert_eq!((response.status().as_u16(), budget.available()), (401, 0));
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
    let response = layer
        .layer(script([status(401)]))
        .oneshot(get())
        .await
        .unwrap();
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
