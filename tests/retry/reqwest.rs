//! The layer around `reqwest::Client`, over real sockets.

use tower::{Layer, Service, ServiceExt};
use tower_throttle::retry::{Attempts, Backoff, NotSentAgain};
use tower_throttle::{Hint, RetryOn429Layer};

use crate::support::server::{Answer, Server};
use crate::support::*;

fn layer() -> RetryOn429Layer {
    RetryOn429Layer::new().backoff(Backoff::exponential(ms(1), ms(5)))
}

#[tokio::test]
async fn wraps_the_client_and_keeps_the_url() {
    let server = Server::start([Answer::new(429, "slow down"), Answer::new(200, "done")]).await;
    let mut client = layer().layer(reqwest::Client::new());
    let url = server.url("/posts?key=1");
    let request = reqwest::Client::new()
        .post(&url)
        .body("hello")
        .build()
        .unwrap();
    let response = client.ready().await.unwrap().call(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.url().as_str(), url);
    assert_eq!(Attempts::of(response.extensions()).get(), 2);
    assert!(response.remote_addr().is_some());
    assert_eq!(response.content_length(), Some(4));
    assert_eq!(response.text().await.unwrap(), "done");
    assert_eq!(server.bodies(), ["hello", "hello"]);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_last_refusal_comes_back_whole() {
    let server = Server::start([Answer::new(429, "one"), Answer::new(429, "two")]).await;
    let client = layer().max_attempts(2).layer(reqwest::Client::new());
    let request = reqwest::Client::new().get(server.url("/")).build().unwrap();
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 429);
    assert!(response.extensions().get::<Hint>().unwrap().is_refusal());
    assert_eq!(response.url().as_str(), server.url("/"));
    assert_eq!(response.text().await.unwrap(), "two");
}

#[tokio::test]
async fn a_body_of_several_frames_in_memory_is_sent_again() {
    let server = Server::start([Answer::new(429, "no"), Answer::new(200, "yes")]).await;
    let body = reqwest::Body::wrap(TestBody::of(&["hel", "lo"]));
    let request = reqwest::Client::new().post(server.url("/")).body(body);
    let client = layer().layer(reqwest::Client::new());
    let response = client.oneshot(request.build().unwrap()).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "yes");
    assert_eq!(server.bodies(), ["hello", "hello"]);
}

#[tokio::test]
async fn a_streamed_body_is_sent_once() {
    let server = Server::start([Answer::new(429, "no"), Answer::new(200, "yes")]).await;
    let (mut sender, body) = http_body_util::channel::Channel::<bytes::Bytes>::new(1);
    tokio::spawn(async move {
        for part in ["hel", "lo"] {
            tokio::time::sleep(ms(2)).await;
            sender.send_data(part.into()).await.unwrap();
        }
    });
    let body = reqwest::Body::wrap(body);
    let request = reqwest::Client::new()
        .post(server.url("/"))
        .body(body)
        .build()
        .unwrap();
    let response = layer()
        .layer(reqwest::Client::new())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), 429);
    let why = NotSentAgain::of(response.extensions());
    assert_eq!(why, Some(NotSentAgain::ReadOnce));
    assert_eq!(response.text().await.unwrap(), "no");
    assert_eq!(server.bodies(), ["hello"]);
}
