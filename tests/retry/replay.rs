//! A body that is kept while it is read.

use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::message::TryCloneBody;
use tower_throttle::retry::{Attempts, ReplayBody, ReplayError};

use crate::support::*;

type Next = Poll<Option<Result<Frame<Bytes>, ReplayError>>>;

fn poll<B>(body: &mut ReplayBody<B>) -> Next
where
    ReplayBody<B>: Body<Data = Bytes, Error = ReplayError>,
{
    task::spawn(()).enter(|cx, _| Pin::new(body).poll_frame(cx))
}

fn data<B>(body: &mut ReplayBody<B>) -> Bytes
where
    ReplayBody<B>: Body<Data = Bytes, Error = ReplayError>,
{
    assert_ready!(poll(body))
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap()
}

fn error<B>(body: &mut ReplayBody<B>) -> ReplayError
where
    ReplayBody<B>: Body<Data = Bytes, Error = ReplayError>,
{
    assert_ready!(poll(body)).unwrap().unwrap_err()
}

fn replay(parts: &[&'static str]) -> ReplayBody<TestBody> {
    ReplayBody::new(TestBody::of(parts), 100)
}

#[tokio::test]
async fn every_copy_reads_all_of_it() {
    let kept = ReplayBody::new(TestBody::of(&["one", "two"]).trailer("a", "b"), 100);
    for _ in 0..3 {
        let read = kept.try_clone().unwrap().collect().await.unwrap();
        assert_eq!(read.trailers().unwrap()["a"], "b");
        assert_eq!(read.to_bytes(), "onetwo");
    }
    let read = kept.collect().await.unwrap();
    assert_eq!(read.to_bytes(), "onetwo");
}

#[tokio::test]
async fn a_copy_that_begins_with_nothing_kept_reads_nothing_twice() {
    let kept = replay(&["one", "two"]);
    let first = kept.try_clone().unwrap();
    drop(first);
    let second = kept.try_clone().unwrap();
    assert_eq!(second.collect().await.unwrap().to_bytes(), "onetwo");
    assert_eq!(kept.collect().await.unwrap().to_bytes(), "onetwo");
}

#[test]
fn a_copy_goes_on_where_the_last_one_stopped() {
    let kept = replay(&["one", "two", "three"]);
    let mut first = kept.try_clone().unwrap();
    assert_eq!(data(&mut first), "one");
    drop(first);
    let mut second = kept.try_clone().unwrap();
    assert_eq!([data(&mut second), data(&mut second)], ["one", "two"]);
    drop(second);
    let mut third = kept.try_clone().unwrap();
    assert_eq!(
        [data(&mut third), data(&mut third), data(&mut third)],
        ["one", "two", "three"]
    );
    assert!(assert_ready!(poll(&mut third)).is_none());
}

#[test]
fn data_is_shared_not_copied() {
    let bytes = Bytes::from(vec![1; 10]);
    let at = bytes.as_ptr();
    let kept = ReplayBody::new(Full::new(bytes), 100);
    for _ in 0..2 {
        assert_eq!(data(&mut kept.try_clone().unwrap()).as_ptr(), at);
    }
}

#[test]
fn the_size_is_what_is_left_to_this_reader() {
    let kept = ReplayBody::new(Full::<Bytes>::from("0123456789"), 100);
    assert_eq!(kept.size_hint().exact(), Some(10));
    let mut first = kept.try_clone().unwrap();
    data(&mut first);
    assert_eq!(first.size_hint().exact(), Some(0));
    assert!(first.is_end_stream());
    assert_eq!(kept.size_hint().exact(), Some(10));
    assert!(!kept.is_end_stream());

    let kept = replay(&["one", "two"]);
    let mut first = kept.try_clone().unwrap();
    data(&mut first);
    assert_eq!(
        (kept.size_hint().lower(), kept.size_hint().upper()),
        (3, None)
    );
    assert_eq!(first.size_hint().lower(), 0);
}

#[test]
fn an_empty_body_has_ended_from_the_start() {
    let mut kept = ReplayBody::new(Full::<Bytes>::default(), 100);
    assert!(kept.is_end_stream() && kept.is_replayable());
    assert!(assert_ready!(poll(&mut kept)).is_none());
    assert!(assert_ready!(poll(&mut kept.try_clone().unwrap())).is_none());
}

#[test]
fn beyond_the_cap_the_attempt_goes_on_and_is_the_last() {
    let kept = ReplayBody::new(TestBody::of(&["12345", "67890", "x"]), 10);
    let mut waiting = kept.try_clone().unwrap();
    let mut first = kept.try_clone().unwrap();
    data(&mut first);
    data(&mut first);
    assert!(kept.is_replayable(), "the cap is inclusive");
    assert_eq!(data(&mut first), "x");
    assert!(assert_ready!(poll(&mut first)).is_none());
    assert!(first.is_end_stream());
    assert!(!kept.is_replayable());
    assert!(kept.try_clone().is_none());
    assert!(!waiting.is_end_stream());
    assert_eq!(
        (waiting.size_hint().lower(), waiting.size_hint().upper()),
        (0, None)
    );
    assert!(error(&mut waiting).is_forgotten());
    assert!(error(&mut waiting).is_forgotten(), "and stays so");
}

#[test]
fn any_cap_will_do() {
    let kept = ReplayBody::new(TestBody::of(&["1"]), usize::MAX);
    assert_eq!(data(&mut kept.try_clone().unwrap()), "1");
    assert!(kept.is_replayable());
    let kept = ReplayBody::new(TestBody::of(&["1"]), 0);
    assert_eq!(data(&mut kept.try_clone().unwrap()), "1");
    assert!(!kept.is_replayable());
}

#[test]
fn an_error_is_met_by_every_copy() {
    let kept = ReplayBody::new(TestBody::of(&["one"]).error("torn"), 100);
    let mut waiting = kept.try_clone().unwrap();
    let mut first = kept.try_clone().unwrap();
    data(&mut first);
    let torn = error(&mut first);
    assert_eq!(
        std::error::Error::source(&torn).unwrap().to_string(),
        "torn"
    );
    assert!(!torn.is_forgotten() && !torn.is_superseded());
    error(&mut first);
    assert_eq!(data(&mut waiting), "one");
    error(&mut waiting);
    assert!(!waiting.is_end_stream());
    assert!(kept.try_clone().is_none());
}

#[test]
fn the_next_attempt_takes_over_and_wakes_the_one_before() {
    let kept = ReplayBody::new(TestBody::of(&["one"]).then(Then::Pend), 100);
    let mut first = task::spawn(kept.try_clone().unwrap());
    assert!(first.enter(|cx, body| body.poll_frame(cx)).is_ready());
    assert_pending!(first.enter(|cx, body| body.poll_frame(cx)));
    let mut second = kept.try_clone().unwrap();
    assert!(first.is_woken());
    let gone = assert_ready!(first.enter(|cx, body| body.poll_frame(cx)))
        .unwrap()
        .unwrap_err();
    assert!(gone.is_superseded());
    assert_eq!(data(&mut second), "one");
    drop(first);
    assert_pending!(poll(&mut second));
}

#[test]
fn one_of_two_copies_that_begins_later_takes_over() {
    let kept = replay(&["one", "two"]);
    let (mut first, mut second) = (kept.try_clone().unwrap(), kept.try_clone().unwrap());
    assert_eq!(data(&mut first), "one");
    assert_eq!(data(&mut second), "one");
    assert!(error(&mut first).is_superseded());
    assert_eq!(data(&mut second), "two");
}

#[test]
fn copies_of_what_is_read_to_its_end_do_not_disturb_each_other() {
    let kept = replay(&["one", "two"]);
    let mut first = kept.try_clone().unwrap();
    data(&mut first);
    data(&mut first);
    assert!(assert_ready!(poll(&mut first)).is_none());
    let (mut a, mut b) = (kept.try_clone().unwrap(), kept.try_clone().unwrap());
    assert_eq!(
        [data(&mut a), data(&mut b), data(&mut a), data(&mut b)],
        ["one", "one", "two", "two"]
    );
    assert!(assert_ready!(poll(&mut a)).is_none());
    assert!(assert_ready!(poll(&mut b)).is_none());
}

#[test]
fn the_last_copy_keeps_nothing() {
    let kept = replay(&["one", "two"]);
    let mut last = kept.try_clone().unwrap();
    drop(kept);
    let bytes = data(&mut last);
    assert_eq!(bytes, "one");
    assert!(!last.is_replayable());
    assert_eq!(data(&mut last), "two");
}

#[test]
fn empty_frames_are_passed_on_and_not_kept() {
    let kept = replay(&["", "one", ""]);
    let mut first = kept.try_clone().unwrap();
    assert_eq!(
        [data(&mut first), data(&mut first), data(&mut first)],
        ["", "one", ""]
    );
    let mut second = kept.try_clone().unwrap();
    assert_eq!(data(&mut second), "one");
    assert!(assert_ready!(poll(&mut second)).is_none());
}

#[test]
fn a_panic_of_the_inner_body_is_its_own() {
    struct Panics;
    impl Body for Panics {
        type Data = Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            panic!("inner")
        }
    }
    let kept = ReplayBody::new(Panics, 100);
    let mut first = kept.try_clone().unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = poll(&mut first);
    }));
    assert!(panicked.is_err());
    drop(first);
    assert!(kept.try_clone().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_streamed_request_is_retried() {
    let inner = tower::service_fn({
        let attempts = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        move |request: Request<ReplayBody<TestBody>>| {
            let attempt = attempts.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move {
                let mut body = request.into_body();
                if attempt == 0 {
                    // Refused before anything was read.
                    return Ok(status(429));
                }
                if attempt == 1 {
                    // Refused half-way.
                    assert_eq!(
                        body.frame().await.unwrap().unwrap().into_data().unwrap(),
                        "one"
                    );
                    return Ok(status(429));
                }
                assert_eq!(body.collect().await.unwrap().to_bytes(), "onetwo");
                Ok::<_, std::convert::Infallible>(status(200))
            }
        }
    });
    let response = RetryOn429Layer::new()
        .layer(inner)
        .oneshot(Request::new(replay(&["one", "two"])))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(Attempts::of(response.extensions()).get(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_streamed_request_beyond_the_cap_is_not_retried() {
    let inner = tower::service_fn(|request: Request<ReplayBody<TestBody>>| async move {
        assert_eq!(
            request.into_body().collect().await.unwrap().to_bytes(),
            "one"
        );
        Ok::<_, std::convert::Infallible>(status(429))
    });
    let request = Request::new(ReplayBody::new(TestBody::of(&["one"]), 2));
    let response = RetryOn429Layer::new()
        .layer(inner)
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(Attempts::of(response.extensions()).get(), 1);
}
