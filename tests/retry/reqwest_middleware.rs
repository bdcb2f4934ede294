//! The layer around `reqwest_middleware::ClientWithMiddleware`, over real sockets.

use reqwest::Request;
use reqwest_middleware::ClientWithMiddleware;
use tower::{Layer, Service, ServiceExt};
use tower_throttle::retry::{Attempts, Backoff, Refusal};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer, ThrottleMiddleware};

use crate::support::server::{Answer, Server};
use crate::support::*;

const fn all<T: Clone + Default + Send + Sync + Unpin + std::fmt::Debug>() {}
const _: () = all::<ThrottleMiddleware>();

#[tokio::test]
async fn wraps_the_client_with_its_middleware() {
    let server = Server::start([Answer::new(429, "slow down"), Answer::new(200, "done")]).await;
    let layer = RetryOn429Layer::new().backoff(Backoff::exponential(ms(1), ms(5)));
    let mut client = layer.layer(ClientWithMiddleware::from(reqwest::Client::new()));
    let request = reqwest::Client::new()
        .post(server.url("/"))
        .body("hello")
        .build()
        .unwrap();
    let response = client.ready().await.unwrap().call(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.url().as_str(), server.url("/"));
    assert_eq!(Attempts::of(response.extensions()).get(), 2);
    assert_eq!(response.text().await.unwrap(), "done");
    assert_eq!(server.bodies(), ["hello", "hello"]);
}

#[tokio::test]
async fn both_layers_go_inside_the_client() {
    let server = Server::start([Answer::new(429, "slow down"), Answer::new(200, "done")]).await;
    let throttle = ThrottleMiddleware::new();
    let handle = throttle.gate_handle();
    let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(throttle)
        .build();
    let response = client.post(server.url("/")).body("hello").send().await;
    let response = response.unwrap();
    assert_eq!(Attempts::of(response.extensions()).get(), 2);
    assert_eq!(response.url().as_str(), server.url("/"));
    assert_eq!(response.text().await.unwrap(), "done");
    assert_eq!(server.bodies(), ["hello", "hello"]);
    assert_eq!((handle.accepted(), handle.refused()), (1, 1));
    assert_eq!(handle.in_flight(), 0);
}

#[tokio::test]
async fn a_layer_inside_the_client_shares_its_gate_between_requests() {
    let server = Server::start([]).await;
    let layer = AdaptiveConcurrencyLayer::new();
    let handle = layer.handle();
    let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(ThrottleMiddleware::with_layer(layer))
        .build();
    for _ in 0..3 {
        client
            .get(server.url("/"))
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
    }
    assert_eq!(handle.accepted(), 3);
    assert_eq!(handle.in_flight(), 0);
}

#[tokio::test]
async fn a_hook_goes_inside_the_client_with_its_layers() {
    let server = Server::start([Answer::new(401, "expired"), Answer::new(200, "done")]).await;
    let retry = RetryOn429Layer::new().on_refusal(|refusal: Refusal<'_>, request: &Request| {
        let fresh = request.try_clone().filter(|_| refusal.status() == 401);
        fresh.map(|mut request| {
            std::future::ready({
                let headers = request.headers_mut();
                headers.insert("authorization", "Bearer fresh".parse().unwrap());
                Some(request)
            })
        })
    });
    let throttle = ThrottleMiddleware::from_layers(retry, AdaptiveConcurrencyLayer::new());
    let handle = throttle.gate_handle();
    let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(throttle)
        .build();
    let response = client.get(server.url("/")).send().await.unwrap();
    assert_eq!(Attempts::of(response.extensions()).get(), 2);
    assert_eq!(response.text().await.unwrap(), "done");
    assert_eq!((handle.accepted(), handle.in_flight()), (1, 0));
}
