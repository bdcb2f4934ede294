//! Which bodies of reqwest's are sent again, and that a server sees them as without the layer.

mod support;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame};
use http_body_util::channel::Channel;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Request, Response};
use reqwest_middleware::ClientBuilder;
use support::wire::Wire;
use support::*;
use tower::{Layer, ServiceExt};
use tower_throttle::retry::{Attempts, Backoff, NotSentAgain, Preset, Refusal};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer, ThrottleMiddleware};

over_both_versions!(
    a_form_in_memory_is_sent_again,
    a_stream_is_sent_again_where_the_user_says_so,
);

fn layer() -> RetryOn429Layer {
    RetryOn429Layer::new().backoff(Backoff::exponential(
        Duration::from_millis(1),
        Duration::from_millis(5),
    ))
}

/// 20 kB and some fields.
fn form() -> Form {
    let post = Part::bytes(vec![b'x'; 20_000]).file_name("post.txt");
    Form::new()
        .text("model", "best")
        .part("file", post.mime_str("text/plain").unwrap())
        .text("language", "en")
}

/// Frames that are all there, of which the body says no more than it must.
struct Ready(VecDeque<&'static str>);

impl Ready {
    fn body(frames: &[&'static str]) -> reqwest::Body {
        reqwest::Body::wrap(Self(frames.iter().copied().collect()))
    }
}

impl Body for Ready {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.pop_front();
        Poll::Ready(next.map(|data| Ok(Frame::data(Bytes::from(data)))))
    }
}

/// Frames that come one after the other, later.
fn stream(frames: &'static [&'static str]) -> reqwest::Body {
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(async move {
        for frame in frames {
            tokio::time::sleep(Duration::from_millis(2)).await;
            if sender.send_data(Bytes::from(*frame)).await.is_err() {
                return;
            }
        }
    });
    reqwest::Body::wrap(body)
}

async fn send(layer: RetryOn429Layer, request: Request) -> Response {
    layer.layer(Client::new()).oneshot(request).await.unwrap()
}

fn attempts(response: &Response) -> (u32, Option<NotSentAgain>) {
    let extensions = response.extensions();
    (Attempts::of(extensions).get(), NotSentAgain::of(extensions))
}

/// What a server sees of a request: without the layer, and as each of three attempts.
async fn seen(request: impl Fn(String) -> Request) -> (String, Vec<String>) {
    let wire = Wire::refusing(0).await;
    Client::new().execute(request(wire.url())).await.unwrap();
    let plain = wire.seen().pop().unwrap();

    let wire = Wire::refusing(2).await;
    let response = send(layer(), request(wire.url())).await;
    assert_eq!(attempts(&response), (3, None));
    (plain, wire.seen())
}

#[tokio::test]
async fn every_attempt_is_byte_for_byte_the_request_without_the_layer() {
    let bodies: [fn() -> reqwest::Body; 6] = [
        || "one piece".into(),
        || "".into(),
        || Ready::body(&["one", "two", "", "three"]),
        || Ready::body(&[]),
        || reqwest::Body::wrap(reqwest::Body::from("length known")),
        || reqwest::Body::wrap(reqwest::Body::from("")),
    ];
    for body in bodies {
        let (plain, attempts) = seen(|url| {
            let request = Client::new().post(url).header("x-own", "1").body(body());
            request.build().unwrap()
        })
        .await;
        assert_eq!(attempts, [&*plain, &*plain, &*plain]);
    }
}

#[tokio::test]
async fn a_form_is_byte_for_byte_the_same_in_every_attempt() {
    let (plain, attempts) =
        seen(|url| Client::new().post(url).multipart(form()).build().unwrap()).await;
    assert!(plain.contains("content-length: 20"), "{plain}");
    assert_eq!(attempts, [&*plain, &*plain, &*plain]);
}

#[tokio::test]
async fn within_reqwest_middleware_it_is_the_same() {
    let inside = ThrottleMiddleware::from_layers(layer(), AdaptiveConcurrencyLayer::new());
    let wire = Wire::refusing(0).await;
    Client::new()
        .post(wire.url())
        .multipart(form())
        .send()
        .await
        .unwrap();
    let plain = wire.seen().pop().unwrap();

    let wire = Wire::refusing(2).await;
    let client = ClientBuilder::new(Client::new()).with(inside).build();
    let request = Client::new().post(wire.url()).multipart(form()).build();
    let response = client.execute(request.unwrap()).await.unwrap();
    assert_eq!(attempts(&response), (3, None));
    assert_eq!(wire.seen(), [&*plain, &*plain, &*plain]);
}

async fn a_form_in_memory_is_sent_again(version: Version) {
    let api = refusing(2).await;
    let client = reqwest_client(version);
    let request = client.post(api.url("/")).multipart(form()).build().unwrap();
    let response = layer().layer(client).oneshot(request).await.unwrap();
    assert_eq!(response.version(), version);
    assert_eq!(attempts(&response), (3, None));
    let echo = response.text().await.unwrap();
    assert!(echo.contains(&"x".repeat(20_000)) && echo.contains("post.txt"));
}

async fn a_stream_is_sent_again_where_the_user_says_so(version: Version) {
    let api = refusing(2).await;
    let client = reqwest_client(version);
    let request = client
        .post(api.url("/"))
        .body(stream(&["one", "two", "three"]));
    let response = layer()
        .buffer_bodies(11)
        .layer(client.clone())
        .oneshot(request.build().unwrap())
        .await
        .unwrap();
    assert_eq!(attempts(&response), (3, None));
    assert_eq!(response.text().await.unwrap(), "onetwothree");
}

#[tokio::test]
async fn a_stream_that_is_kept_is_byte_for_byte_the_same_in_every_attempt() {
    let request = |url| {
        let request = Client::new().post(url).body(stream(&["one", "two"]));
        request.build().unwrap()
    };
    let wire = Wire::refusing(0).await;
    Client::new().execute(request(wire.url())).await.unwrap();
    let plain = wire.seen().pop().unwrap();
    let wire = Wire::refusing(2).await;
    send(layer().buffer_bodies(100), request(wire.url())).await;
    assert_eq!(wire.seen(), [&*plain, &*plain, &*plain]);
}

#[tokio::test]
async fn a_stream_is_sent_once_and_says_so_of_a_refusal_alone() {
    let request = |wire: &Wire| Client::new().put(wire.url()).body(stream(&["one", "two"]));
    let wire = Wire::refusing(1).await;
    let response = send(layer(), request(&wire).build().unwrap()).await;
    assert_eq!(response.status(), 429);
    assert_eq!(attempts(&response), (1, Some(NotSentAgain::ReadOnce)));
    assert_eq!(wire.seen().len(), 1);

    let response = send(layer(), request(&wire).build().unwrap()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(attempts(&response), (1, None));

    let wire = Wire::answering(1, "502 Bad Gateway").await;
    let preset = layer().classify(Preset::idempotent_failures());
    let response = preset
        .layer(Client::new())
        .oneshot(request(&wire).build().unwrap());
    let response = response.await.unwrap();
    assert_eq!(attempts(&response), (1, Some(NotSentAgain::ReadOnce)));

    let wire = Wire::answering(1, "404 Not Found").await;
    let response = send(layer(), request(&wire).build().unwrap()).await;
    assert_eq!(attempts(&response), (1, None));
}

#[tokio::test]
async fn a_stream_that_begins_at_once_is_a_stream() {
    /// One frame, and the others later.
    struct Begun(Option<&'static str>, reqwest::Body);
    impl Body for Begun {
        type Data = Bytes;
        type Error = reqwest::Error;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
            match self.0.take() {
                Some(data) => Poll::Ready(Some(Ok(Frame::data(Bytes::from(data))))),
                None => Pin::new(&mut self.1).poll_frame(cx),
            }
        }
    }
    let request = |wire: &Wire| {
        let body = reqwest::Body::wrap(Begun(Some("zero"), stream(&["one", "two"])));
        Client::new().post(wire.url()).body(body).build().unwrap()
    };
    let wire = Wire::refusing(1).await;
    let response = send(layer(), request(&wire)).await;
    assert_eq!(attempts(&response), (1, Some(NotSentAgain::ReadOnce)));
    let chunks = "4\r\nzero\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n";
    assert!(wire.seen()[0].ends_with(chunks), "{:?}", wire.seen());

    let wire = Wire::refusing(2).await;
    let response = send(layer().buffer_bodies(10), request(&wire)).await;
    assert_eq!(attempts(&response), (3, None));
    assert!(wire.seen().iter().all(|request| request.ends_with(chunks)));
}

#[tokio::test]
async fn a_stream_that_is_longer_than_what_is_kept_arrives_whole_and_says_so() {
    let wire = Wire::refusing(1).await;
    let request = Client::new().post(wire.url()).body(stream(&["one", "two"]));
    let response = send(layer().buffer_bodies(5), request.build().unwrap()).await;
    assert_eq!(attempts(&response), (1, Some(NotSentAgain::NotKept)));
    assert!(wire.seen()[0].ends_with("3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn a_body_without_end_is_read_ahead_within_bounds() {
    struct Endless;
    impl Body for Endless {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 1 << 20])))))
        }
    }
    let request = Client::new()
        .post("http://nobody.invalid/")
        .body(reqwest::Body::wrap(Endless));
    let error = layer()
        .layer(Client::new())
        .oneshot(request.build().unwrap());
    assert!(error.await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_form_that_a_hook_gives_is_sent_again_too() {
    let wire = Wire::answering(3, "401 Unauthorized").await;
    let url = wire.url();
    let layer = layer()
        .classify(
            |head: Result<tower_throttle::retry::Head<'_>, &reqwest::Error>| match head {
                Ok(head) if head.status() == 401 => {
                    tower_throttle::retry::Decision::RetryUnprocessed
                }
                _ => tower_throttle::retry::Decision::Default,
            },
        )
        .on_refusal(move |_: Refusal<'_>, _: &Request| {
            let request = Client::new().post(&url).multipart(form()).build();
            Some(std::future::ready(request.ok()))
        });
    let request = Client::new().get(wire.url()).build().unwrap();
    let response = layer.layer(Client::new()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let seen = wire.seen();
    assert!(seen[0].starts_with("GET") && seen[1].starts_with("POST"));
    assert!(seen[1] == seen[2] && seen[2] == seen[3]);
}
