//! The layer around `reqwest_middleware::ClientWithMiddleware`, over real sockets.

mod support;

use reqwest_middleware::ClientWithMiddleware;
use support::server::{Answer, Server};
use support::*;
use tower::{Layer, Service, ServiceExt};
use tower_throttle::retry::{Attempts, Backoff};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer, ThrottleMiddleware};

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

/// Leaves the number of its runs in the extensions.
struct Counts(std::sync::atomic::AtomicUsize);

#[derive(Clone, Debug, PartialEq)]
struct Run(usize);

#[derive(Clone)]
struct FromAbove;

impl reqwest_middleware::Middleware for Counts {
    fn handle<'a, 'b, 'c, 'd>(
        &'a self,
        request: reqwest::Request,
        extensions: &'b mut http::Extensions,
        next: reqwest_middleware::Next<'c>,
    ) -> std::pin::Pin<
        Box<dyn Future<Output = reqwest_middleware::Result<reqwest::Response>> + Send + 'd>,
    >
    where
        'a: 'd,
        'b: 'd,
        'c: 'd,
        Self: 'd,
    {
        assert!(extensions.get::<FromAbove>().is_some());
        assert!(
            extensions.get::<Run>().is_none(),
            "nothing of a failed attempt"
        );
        let run = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        extensions.insert(Run(run));
        next.run(request, extensions)
    }
}

#[tokio::test]
async fn a_layer_has_its_place_inside_the_client() {
    let server = Server::start([Answer::new(429, "no"), Answer::new(429, "no")]).await;
    let layer = RetryOn429Layer::new().backoff(Backoff::exponential(ms(1), ms(5)));
    let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(ThrottleMiddleware::with_layer(layer))
        .with(ThrottleMiddleware::with_layer(
            AdaptiveConcurrencyLayer::new(),
        ))
        .with(Counts(Default::default()))
        .build();
    let mut extensions = http::Extensions::new();
    extensions.insert(FromAbove);
    let request = client.post(server.url("/")).body("hello").build().unwrap();
    let response = client
        .execute_with_extensions(request, &mut extensions)
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(Attempts::of(response.extensions()).get(), 3);
    assert_eq!(server.bodies(), ["hello"; 3]);
    assert_eq!(
        extensions.get(),
        Some(&Run(2)),
        "what the last attempt left goes up"
    );
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
