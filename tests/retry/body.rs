//! The refused answer's body: read within bounds, dropped before the wait, or given back whole.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::Response;
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};
use tower_throttle::{Hint, RetryOn429Layer};

use crate::support::*;

fn refused(body: TestBody) -> Response<TestBody> {
    Response::builder().status(429).body(body).unwrap()
}

fn bodies(bodies: impl IntoIterator<Item = TestBody>) -> Script<Response<TestBody>, Infallible> {
    script(bodies.into_iter().map(refused))
}

/// Everything a body gives: data, trailers, and its error.
async fn read(
    mut body: impl Body<Data = Bytes, Error = &'static str> + Unpin,
) -> (Vec<String>, Option<&'static str>) {
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) if frame.is_data() => {
                frames.push(String::from_utf8(frame.into_data().unwrap().into()).unwrap());
            }
            Ok(frame) => frames.push(format!("{:?}", frame.into_trailers().unwrap())),
            Err(error) => return (frames, Some(error)),
        }
    }
    (frames, None)
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_is_given_back_frame_by_frame() {
    let inner = bodies([TestBody::of(&["one", "two"]).trailer("x-sum", "6")]);
    let service = RetryOn429Layer::new().max_attempts(1).layer(inner);
    let response = service.oneshot(get()).await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(6));
    assert!(!response.body().is_end_stream());
    let mut body = response.into_body();
    let (frames, error) = read(&mut body).await;
    assert_eq!(frames, ["one", "two", r#"{"x-sum": "6"}"#]);
    assert_eq!(error, None);
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn an_error_met_while_reading_is_given_back_in_its_place() {
    let inner = bodies([TestBody::of(&["one"]).error("torn")]);
    let service = RetryOn429Layer::new().max_attempts(1).layer(inner);
    let response = service.oneshot(get()).await.unwrap();
    assert_eq!(response.body().size_hint().upper(), None);
    assert_eq!(
        read(response.into_body()).await,
        (vec!["one".to_owned()], Some("torn"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_refused_body_does_not_prevent_the_retry() {
    let inner = bodies([TestBody::of(&["one"]).error("torn")]);
    let response = answer_of(RetryOn429Layer::new().layer(inner)).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_read_follows_what_was() {
    let inner = bodies([TestBody::of(&["0123456789", "abc", "def", "ghi"])]);
    let layer = RetryOn429Layer::new().max_attempts(1).drain(12, secs(1));
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    // Two frames were read, as the second one crosses the bound.
    assert_eq!(response.body().size_hint().lower(), 13);
    assert!(format!("{:?}", response.body()).contains("frames_drained: 2"));
    let (frames, _) = read(response.into_body()).await;
    assert_eq!(frames.concat(), "0123456789abcdefghi");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_if_so_configured() {
    let inner = bodies([TestBody::of(&["one"])]);
    let layer = RetryOn429Layer::new().max_attempts(1).drain(0, secs(1));
    let response = layer.layer(inner).oneshot(get()).await.unwrap();
    assert!(format!("{:?}", response.body()).contains("frames_drained: 0"));
    assert_eq!(read(response.into_body()).await.0, ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_read_for_a_second() {
    let inner = bodies([TestBody::of(&["one"]).then(Then::Pend)]);
    let layer = RetryOn429Layer::new().max_attempts(1);
    let start = Instant::now();
    let response = layer.layer(inner).oneshot(get()).await.unwrap();
    assert!((secs(1)..ms(1010)).contains(&start.elapsed()));
    let mut body = response.into_body();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "one"
    );
    let more = tokio::time::timeout(secs(10), body.frame()).await;
    assert!(more.is_err(), "the rest is still to come");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_does_not_prolong_the_wait() {
    let answer = Response::builder().status(429).header("retry-after", "5");
    let inner = script([answer.body(TestBody::default().then(Then::Pend)).unwrap()]);
    let start = Instant::now();
    answer_of(RetryOn429Layer::new().layer(inner)).await;
    assert!(
        (ms(5000)..ms(5510)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_is_cut_off() {
    for flood in [&[b'x'; 1000][..], b"x", b""] {
        let inner = bodies([TestBody::default().then(Then::Flood(flood))]);
        let response = answer_of(RetryOn429Layer::new().layer(inner)).await;
        assert_eq!(response.status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn no_refused_answer_is_held_during_the_wait() {
    for then in [Then::End, Then::Pend, Then::Flood(b"0123456789abcdef")] {
        let alive = Arc::new(());
        let inner = bodies([TestBody::of(&["one"]).alive(&alive).then(then)]);
        let mut response = RetryOn429Layer::new().layer(inner).oneshot(get());
        let mut response = std::pin::pin!(&mut response);
        // No longer than reading may take: then the wait has begun, and may even have ended.
        let done = tokio::time::timeout(ms(1001), response.as_mut()).await;
        assert_eq!(Arc::strong_count(&alive), 1);
        if done.is_err() {
            response.await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_refused_answer_is_gone_before_the_inner_service_is_asked_again() {
    let alive = Arc::new(());
    let seen = Arc::clone(&alive);
    let mut first = Some(refused(TestBody::of(&["one"]).alive(&alive)));
    let inner = tower::service_fn(move |_: Req| {
        assert_eq!(Arc::strong_count(&seen), 2 + usize::from(first.is_some()));
        std::future::ready(Ok::<_, Infallible>(first.take().unwrap_or_default()))
    });
    // `service_fn` clones its closure, so it is put behind a buffer that shares one.
    let inner = tower::buffer::Buffer::new(inner, 1);
    let response = answer_of(RetryOn429Layer::new().layer(inner)).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_served_answer_is_not_touched() {
    let answer = Response::new(TestBody::of(&["one"]).trailer("a", "b"));
    let mut service = RetryOn429Layer::new().layer(script([answer]));
    let response = service.ready().await.unwrap().call(get()).await.unwrap();
    assert!(format!("{:?}", response.body()).contains("frames_drained: 0"));
    assert_eq!(read(response.into_body()).await.0, ["one", r#"{"a": "b"}"#]);
}

#[tokio::test(start_paused = true)]
async fn data_in_several_pieces_are_read_and_given_back_whole() {
    let data = Bytes::from_static(br#"{"retry_after": 7, "#).chain(&b"\"why\": \"full\"}"[..]);
    let answer = Response::builder().status(429).body(Full::new(data));
    let inner = script([answer.unwrap()]);
    let service = RetryOn429Layer::new().max_attempts(1).layer(inner);
    let response: Result<_, Infallible> = service.oneshot(get()).await;
    let response = response.unwrap();
    let wait = Hint::of(response.extensions()).unwrap().wait();
    let told = cfg!(feature = "json").then_some(Duration::from_secs(7));
    assert_eq!(wait, told, "both pieces were read");
    let mut body = response.into_body();
    let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(data, r#"{"retry_after": 7, "why": "full"}"#);
}
