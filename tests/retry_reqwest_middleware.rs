//! The layer around `reqwest_middleware::ClientWithMiddleware`, over real sockets.

mod support;

use reqwest_middleware::ClientWithMiddleware;
use support::server::{Answer, Server};
use support::*;
use tower::{Layer, Service, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::{Attempts, Backoff};

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
