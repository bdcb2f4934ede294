//! hyper-util's client under both layers.

mod support;

use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use support::*;
use tokio::time::Duration;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_throttle::concurrency::Handle;
use tower_throttle::retry::{Attempts, Backoff};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

over_both_versions!(
    no_job_is_lost,
    a_streamed_body_holds_its_permit_until_it_ends,
    a_dropped_body_returns_its_permit,
    a_dropped_request_returns_its_permit,
    retries_use_one_connection,
);

type Stack = RetryOn429<AdaptiveConcurrency<Client<HttpConnector, Full<Bytes>>>>;

fn client(version: Version) -> (Stack, Handle) {
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .service(hyper_client(version));
    (client, handle)
}

fn get(url: String) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

async fn no_job_is_lost(version: Version) {
    let api = api().await;
    let (client, gate) = client(version);
    none_is_lost(&api, &gate, version, |job| {
        let request = Request::post(api.url("/v1/posts"));
        let request = request.body(Full::from(format!("post {job}"))).unwrap();
        let mut client = client.clone();
        async move {
            let response = client.ready().await.unwrap().call(request).await.unwrap();
            assert_eq!(response.status(), 200);
            let version = response.version();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, r#"{"words":2}"#);
            version
        }
    })
    .await;
}

async fn a_streamed_body_holds_its_permit_until_it_ends(version: Version) {
    let api = api().await;
    let (client, gate) = client(version);
    let response = client.oneshot(get(api.url("/v1/stream"))).await.unwrap();
    assert_eq!(response.version(), version);
    let mut body = response.into_body();
    let mut text = Vec::new();
    while text.len() < "data: 0\n\n".len() * 10 {
        assert_eq!(gate.in_flight(), 1);
        let frame = body.frame().await.unwrap().unwrap();
        text.extend(frame.into_data().unwrap());
    }
    // HTTP/2 may end it by an empty frame.
    while body.frame().await.is_some() {}
    assert_eq!(gate.in_flight(), 0, "though the body still exists");
    drop(body);
}

async fn a_dropped_body_returns_its_permit(version: Version) {
    let api = api().await;
    let (client, gate) = client(version);
    let response = client.oneshot(get(api.url("/v1/stream"))).await.unwrap();
    assert_eq!(gate.in_flight(), 1);
    drop(response);
    assert_eq!(gate.in_flight(), 0);
    settled(&api).await;
}

async fn a_dropped_request_returns_its_permit(version: Version) {
    let api = api().await;
    let (mut client, gate) = client(version);
    {
        let mut response = pin!(
            client
                .ready()
                .await
                .unwrap()
                .call(get(api.url("/v1/posts")))
        );
        while api.counts().in_flight == 0 {
            let polled = std::future::poll_fn(|cx| Poll::Ready(response.as_mut().poll(cx))).await;
            assert!(polled.is_pending(), "it takes the API 20 ms");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(gate.in_flight(), 1);
    }
    assert_eq!(gate.in_flight(), 0);
    assert_eq!((gate.accepted(), gate.refused()), (0, 0));
    settled(&api).await;
}

async fn retries_use_one_connection(version: Version) {
    let api = refusing(5).await;
    let backoff = Backoff::exponential(Duration::from_millis(1), Duration::from_millis(5));
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().backoff(backoff))
        .service(hyper_client(version));
    let request = Request::post(api.url("/")).body(Full::from("hello"));
    let response = client.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(Attempts::of(response.extensions()).get(), 6);
    assert_eq!(response.version(), version);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "hello");
    assert_eq!(api.counts().connections, 1);
}
