//! What ends a hook, and what it cannot do.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use tokio::time::{Instant, sleep};
use tokio_test::{assert_pending, task};
use tower::{Layer, ServiceExt};
use tower_throttle::Hint;
use tower_throttle::retry::{Attempts, Refusal, RetryBudget};

use crate::support::refresh::*;
use crate::support::*;

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
    let response = answer_of(layer.layer(script([retry_after(7)]))).await;
    assert_eq!(response.status(), 429);
    assert_eq!(
        Hint::of(response.extensions()).unwrap().wait(),
        Some(secs(7))
    );
    assert_eq!(Attempts::of(response.extensions()).get(), 1);
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
    let response = answer_of(layer.layer(script([status(401)]))).await;
    assert_eq!((response.status().as_u16(), count.load(SeqCst)), (401, 1));

    let budget = RetryBudget::new(1).per_accepted(0.0);
    let layer = exact().budget(budget.clone()).on_refusal(refresh(&count));
    let response = answer_of(layer.layer(script([status(401)]))).await;
    assert_eq!((response.status().as_u16(), budget.available()), (200, 0));
    let response = answer_of(layer.layer(script([status(401)]))).await;
    assert_eq!((response.status().as_u16(), budget.available()), (401, 0));
}
