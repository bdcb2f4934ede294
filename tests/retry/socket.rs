//! The layer around hyper-util's client, over real sockets.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::{Layer, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::{Attempts, Backoff, ReplayBody, SingleUse};

use crate::support::server::{Answer, Server};
use crate::support::*;

fn layer() -> RetryOn429Layer {
    RetryOn429Layer::new().backoff(Backoff::exponential(ms(1), ms(5)))
}

#[tokio::test]
async fn five_refusals_use_one_connection() {
    let refusals = (0..5).map(|_| Answer::new(429, "x".repeat(2000)));
    let server = Server::start(refusals.chain([Answer::new(200, "done")])).await;
    let client = layer().layer(Client::builder(TokioExecutor::new()).build_http());
    let request = Request::post(server.url("/"))
        .body(Full::<Bytes>::from("hello"))
        .unwrap();
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(Attempts::of(response.extensions()).get(), 6);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "done"
    );
    assert_eq!(server.bodies(), ["hello"; 6]);
    assert_eq!(server.connections(), 1);
}

/// An upload larger than the sockets' buffers, in pieces.
fn upload() -> TestBody {
    let part: &'static str = "x".repeat(64 * 1024).leak();
    TestBody::of(&vec![part; 256])
}

#[tokio::test]
async fn an_upload_that_is_refused_early_is_sent_again_whole() {
    let refusals = (0..2).map(|_| Answer::new(429, "too many").early());
    let server = Server::start(refusals.chain([Answer::new(200, "done")])).await;
    let client = layer().layer(Client::builder(TokioExecutor::new()).build_http());
    let body = ReplayBody::new(upload(), 32 * 1024 * 1024);
    let request = Request::post(server.url("/")).body(body).unwrap();
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(Attempts::of(response.extensions()).get(), 3);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "done"
    );
    let last = server.bodies().pop().unwrap();
    assert_eq!(last.len(), 256 * 64 * 1024);
    assert!(last.bytes().all(|b| b == b'x'));
}

#[tokio::test]
async fn an_upload_that_cannot_be_sent_again_gives_its_answer() {
    let server = Server::start([Answer::new(429, "too many")]).await;
    let client = layer().layer(Client::builder(TokioExecutor::new()).build_http());
    let request = Request::post(server.url("/")).body(SingleUse::new(TestBody::of(&["a", "b"])));
    let response = client.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "too many"
    );
    assert_eq!(server.bodies(), ["ab"]);
}
