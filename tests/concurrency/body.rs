//! How long a request holds its permit: until its answer's body ends, fails or is dropped.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt, Channel, Empty};
use tokio_test::{assert_pending, assert_ready_ok};
use tower::{Layer, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::{GuardedBody, ReleaseAt};

use crate::support::fixed;

type Streamed = Channel<Bytes, &'static str>;
type Sender = http_body_util::channel::Sender<Bytes, &'static str>;

/// A response whose body is fed by the test.
async fn streamed(
    layer: &AdaptiveConcurrencyLayer,
    status: u16,
) -> (Sender, Response<GuardedBody<Streamed>>) {
    let (sender, body) = Channel::new(8);
    let mut response = Some(Response::builder().status(status).body(body).unwrap());
    let service = layer.layer(tower::service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(response.take().unwrap()))
    }));
    (sender, service.oneshot(Request::new(())).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn an_http_200_with_an_endless_stream_holds_its_permit() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (mut sender, mut response) = streamed(&layer, 200).await;
    let (second, _server) = crate::support::gated(&layer);
    let mut second = crate::support::ready(second);
    for _ in 0..100 {
        sender
            .send_data(Bytes::from_static(b"data: x\n\n"))
            .await
            .unwrap();
        response.frame().await.unwrap().unwrap();
        assert_eq!(handle.in_flight(), 1);
        assert_pending!(second.poll());
    }
    assert_eq!(handle.accepted(), 1);
    drop(response);
    assert!(second.is_woken());
    assert_ready_ok!(second.poll());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_body_frees_capacity() {
    let layer = fixed(1);
    let (mut sender, mut response) = streamed(&layer, 200).await;
    sender.send_data(Bytes::from_static(b"all")).await.unwrap();
    drop(sender);
    response.frame().await.unwrap().unwrap();
    assert_eq!(layer.handle().in_flight(), 1, "the end was not seen yet");
    assert!(response.frame().await.is_none());
    assert_eq!(
        layer.handle().in_flight(),
        0,
        "although the response is still there"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_body_frees_capacity() {
    let layer = fixed(1);
    let (sender, mut response) = streamed(&layer, 200).await;
    sender.abort("cut off");
    assert_eq!(response.frame().await.unwrap().unwrap_err(), "cut off");
    assert_eq!(layer.handle().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_half_way_frees_capacity() {
    let layer = fixed(1);
    let (mut sender, mut response) = streamed(&layer, 200).await;
    sender.send_data(Bytes::from_static(b"half")).await.unwrap();
    response.frame().await.unwrap().unwrap();
    assert_eq!(layer.handle().in_flight(), 1);
    drop(response);
    assert_eq!(layer.handle().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_known_to_be_empty_frees_capacity_with_the_head() {
    let layer = fixed(1);
    let service = layer.layer(tower::service_fn(|_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
    }));
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert!(response.body().is_end_stream());
    assert_eq!(layer.handle().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_frame_of_a_body_that_says_so_frees_capacity() {
    let layer = fixed(1);
    let (_service, mut response) = {
        let service = layer.layer(tower::service_fn(|_: Request<()>| {
            std::future::ready(Ok::<_, Infallible>(crate::support::answer(200)))
        }));
        let response = service.clone().oneshot(Request::new(())).await.unwrap();
        (service, response)
    };
    assert_eq!(layer.handle().in_flight(), 1);
    response.frame().await.unwrap().unwrap();
    assert_eq!(
        layer.handle().in_flight(),
        0,
        "hyper never polls for the `None`"
    );
}

#[tokio::test(start_paused = true)]
async fn release_at_headers_frees_capacity_with_the_head() {
    let layer = fixed(1).release_at(ReleaseAt::Headers);
    let (_sender, response) = streamed(&layer, 200).await;
    assert_eq!(layer.handle().in_flight(), 0);
    drop(response);
    assert_eq!(layer.handle().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_answer_frees_capacity_with_the_head() {
    for status in [429, 503, 529] {
        let layer = fixed(1);
        let (_sender, _response) = streamed(&layer, status).await;
        assert_eq!(layer.handle().in_flight(), 0, "{status}");
        assert_eq!(layer.handle().refused(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_answer_holds_its_permit_until_its_body_ends() {
    let layer = fixed(1);
    let (_sender, response) = streamed(&layer, 500).await;
    let seen = layer.handle().snapshot();
    assert_eq!((seen.in_flight, seen.accepted, seen.refused), (1, 0, 0));
    drop(response);
    assert_eq!(layer.handle().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn into_inner_frees_capacity() {
    let layer = fixed(1);
    let (_sender, response) = streamed(&layer, 200).await;
    let body: Option<Streamed> = response.into_body().into_inner();
    assert!(body.is_some());
    assert_eq!(layer.handle().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn hints_and_frames_are_the_inner_body_s() {
    #[derive(Debug)]
    struct Odd(bool);
    impl http_body::Body for Odd {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Ready(None);
            }
            let mut trailers = http::HeaderMap::new();
            trailers.insert("x", "y".parse().unwrap());
            Poll::Ready(Some(Ok(Frame::trailers(trailers))))
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(7)
        }
    }
    let layer = fixed(1);
    let service = layer.layer(tower::service_fn(|_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Odd(false))))
    }));
    let mut response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(7));
    let frame = response.frame().await.unwrap().unwrap();
    assert_eq!(frame.trailers_ref().unwrap()["x"], "y");
    assert!(response.frame().await.is_none());
}
