//! What the public types are, and what they do not show.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::marker::PhantomPinned;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};
use tower_throttle::message::TryCloneBody;
use tower_throttle::retry::*;
use tower_throttle::{RetryOn429, RetryOn429Layer};

use crate::support::*;

type Hook = fn(Refusal<'_>, &Req) -> Option<std::future::Ready<Option<Req>>>;

const fn all<T: Send + Sync + Unpin + Debug>() {}
const fn clone<T: Clone>() {}

const _: () = {
    all::<RetryOn429Layer>();
    all::<RetryOn429Layer<ServerErrors>>();
    all::<RetryOn429<Script<Response<Full<Bytes>>>>>();
    all::<ResponseFuture<Script<Response<Full<Bytes>>>, Req, RefusalsOnly>>();
    all::<ResponseBody<Full<Bytes>>>();
    all::<ReplayBody<Full<Bytes>>>();
    all::<ReplayBody<PhantomPinned>>();
    all::<ReplayError>();
    all::<SingleUse<Full<Bytes>>>();
    all::<Attempts>();
    all::<Backoff>();
    all::<Jitter>();
    all::<RetryBudget>();
    all::<IdempotencyKey>();
    all::<RefusalsOnly>();
    all::<Errors<fn(&Infallible) -> bool>>();
    all::<Head<'static>>();
    all::<Decision>();
    all::<Preset>();
    all::<NotSentAgain>();
    all::<RetryOn429Layer<(Preset, ServerErrors)>>();
    all::<Refusal<'static>>();
    all::<NoHook>();
    all::<Replay>();
    all::<RetryOn429Layer<RefusalsOnly, Hook, fn(&Req) -> Option<Req>>>();
    all::<ResponseFuture<Script<Response<Full<Bytes>>>, Req, RefusalsOnly, Hook>>();
    clone::<RetryOn429Layer>();
    clone::<RetryOn429<Script<Response<Full<Bytes>>>>>();
};

/// A closure need not be `Clone` for the layer to be, nor `Debug`.
#[test]
fn a_layer_is_clone_whatever_its_classifier_is() {
    struct Own;
    impl Classify<Infallible> for Own {
        fn classify(&self, _: Result<Head<'_>, &Infallible>) -> Decision {
            Decision::Default
        }
    }
    let layer = RetryOn429Layer::new().classify(Own).max_attempts(3).clone();
    let _ = format!("{layer:?}");
}

/// Nor is it asked of a hook, nor of its future, which need not be `Unpin` either.
#[tokio::test(start_paused = true)]
async fn a_hook_may_borrow() {
    let acted = std::cell::Cell::new(0);
    let layer = RetryOn429Layer::new().on_refusal(|_: Refusal<'_>, request: &Req| {
        let (acted, request) = (&acted, request.clone());
        Some(async move {
            tokio::task::yield_now().await;
            acted.set(acted.get() + 1);
            Some(request)
        })
    });
    let service = layer.layer(script([status(401)]));
    assert_eq!(service.oneshot(get()).await.unwrap().status(), 200);
    assert_eq!(acted.get(), 1);
}

/// Without a hook the response future is no larger.
#[test]
fn a_hook_that_is_not_there_takes_no_room() {
    type Inner = Script<Response<Full<Bytes>>>;
    type Without = ResponseFuture<Inner, Req>;
    type With = ResponseFuture<Inner, Req, RefusalsOnly, Large>;
    struct Large;
    impl OnRefusal<Req> for Large {
        type Future = std::future::Ready<Option<Req>>;
        fn on_refusal(&self, _: Refusal<'_>, _: &Req) -> Option<Self::Future> {
            None
        }
    }
    // Its state is as large as the inner future, and a tag.
    let parts = size_of::<<Inner as Service<Req>>::Future>()
        + size_of::<Inner>()
        + size_of::<Option<Req>>();
    assert!(
        size_of::<Without>() <= parts + 64,
        "{} {parts}",
        size_of::<Without>()
    );
    assert!(size_of::<With>() > size_of::<Without>());
}

/// Neither `'static` nor `Send` is asked of what is wrapped.
#[tokio::test(start_paused = true)]
async fn a_service_may_borrow() {
    let answers = std::cell::RefCell::new(vec![status(200), status(429)]);
    let inner = tower::service_fn(|_: Req| {
        std::future::ready(Ok::<_, Infallible>(answers.borrow_mut().pop().unwrap()))
    });
    let response = answer_of(RetryOn429Layer::new().layer(inner)).await;
    assert_eq!(response.status(), 200);
}

/// Nor `Unpin` of bodies and futures.
#[tokio::test(start_paused = true)]
async fn a_body_may_be_pinned() {
    pin_project_lite::pin_project! {
        #[derive(Default)]
        struct Pinned {
            #[pin]
            body: Full<Bytes>,
            #[pin]
            pinned: PhantomPinned,
        }
    }
    impl http_body::Body for Pinned {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
            self.project().body.poll_frame(cx)
        }
    }
    let inner = tower::service_fn(|_: Req| async {
        let body = Pinned {
            body: Full::from("pinned"),
            pinned: PhantomPinned,
        };
        Ok::<_, Infallible>(Response::builder().status(429).body(body).unwrap())
    });
    let response = answer_of(RetryOn429Layer::new().max_attempts(2).layer(inner)).await;
    use http_body_util::BodyExt;
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "pinned"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_secret_is_shown() {
    let mut request: Req = Request::get("http://api.test/?key=SECRET")
        .body(Full::default())
        .unwrap();
    request
        .headers_mut()
        .insert("authorization", "SECRET".parse().unwrap());
    request
        .headers_mut()
        .insert("idempotency-key", "SECRET".parse().unwrap());
    let answer = Response::builder()
        .status(429)
        .header("set-cookie", "SECRET");
    let answer = answer
        .body(TestBody::of(&["SECRET"]).then(Then::Pend))
        .unwrap();
    let layer = RetryOn429Layer::new().attempt_header(http::HeaderName::from_static("x-attempt"));
    let inner = tower::service_fn({
        let answer = std::sync::Arc::new(std::sync::Mutex::new(Some(answer)));
        move |_: Req| {
            std::future::ready(Ok::<_, Infallible>(answer.lock().unwrap().take().unwrap()))
        }
    });
    let mut service = layer.max_attempts(1).layer(inner);
    let mut shown = String::new();
    service.ready().await.unwrap();
    let mut future = Box::pin(service.call(request));
    shown += &format!("{future:?}");
    std::future::poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        std::task::Poll::Ready(())
    })
    .await;
    shown += &format!("{future:?}");
    shown += &format!("{:?}", future.await.unwrap().into_body());
    let replay = ReplayBody::new(Full::<Bytes>::from("SECRET"), 100);
    shown += &format!("{replay:?}{:?}", replay.try_clone());
    let headers = http::HeaderMap::from_iter([(http::header::COOKIE, "SECRET".parse().unwrap())]);
    shown += &format!("{:?}", Head::new(http::StatusCode::OK, &headers));
    assert!(!shown.contains("SECRET"), "{shown}");
    assert!(shown.contains("Reading"), "{shown}");
}
