//! `reqwest::Client` under both layers.

mod support;

use std::time::Duration;

use http::Version;
use reqwest::{Client, Response};
use support::*;
use tower::{ServiceBuilder, ServiceExt};
use tower_throttle::concurrency::Handle;
use tower_throttle::retry::{Attempts, Backoff};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

over_both_versions!(
    no_job_is_lost,
    a_streamed_body_holds_its_permit_until_it_ends,
    a_dropped_body_returns_its_permit,
    a_timeout_before_the_answer_returns_the_permit,
    a_timeout_within_the_body_returns_the_permit,
    a_timeout_is_kept_by_each_attempt,
    the_url_and_all_else_of_the_response_are_kept,
);

struct Throttled {
    reqwest: Client,
    stack: RetryOn429<AdaptiveConcurrency<Client>>,
    gate: Handle,
}

impl Throttled {
    fn new(version: Version) -> Self {
        let gate = AdaptiveConcurrencyLayer::new();
        let handle = gate.handle();
        let backoff = Backoff::exponential(Duration::from_millis(1), Duration::from_millis(5));
        let reqwest = reqwest_client(version);
        let stack = ServiceBuilder::new()
            .layer(RetryOn429Layer::new().backoff(backoff))
            .layer(gate)
            .service(reqwest.clone());
        Self {
            reqwest,
            stack,
            gate: handle,
        }
    }

    fn get(&self, url: String) -> impl Future<Output = reqwest::Result<Response>> + use<> {
        self.stack
            .clone()
            .oneshot(self.reqwest.get(url).build().unwrap())
    }

    fn get_within(
        &self,
        url: String,
        time: Duration,
    ) -> impl Future<Output = reqwest::Result<Response>> + use<> {
        let request = self.reqwest.get(url).timeout(time).build().unwrap();
        self.stack.clone().oneshot(request)
    }
}

async fn no_job_is_lost(version: Version) {
    let api = api().await;
    let client = Throttled::new(version);
    let url = api.url("/v1/posts");
    none_is_lost(&api, &client.gate, version, |job| {
        let request = client.reqwest.post(&url).body(format!("post {job}"));
        let response = client.stack.clone().oneshot(request.build().unwrap());
        let url = url.clone();
        async move {
            let response = response.await.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.url().as_str(), url);
            let version = response.version();
            assert_eq!(response.text().await.unwrap(), r#"{"words":2}"#);
            version
        }
    })
    .await;
}

async fn a_streamed_body_holds_its_permit_until_it_ends(version: Version) {
    let api = api().await;
    let client = Throttled::new(version);
    let mut response = client.get(api.url("/v1/stream")).await.unwrap();
    assert_eq!(response.version(), version);
    let (mut text, mut pieces) = (Vec::new(), 0);
    while text.len() < "data: 0\n\n".len() * 10 {
        assert_eq!(client.gate.in_flight(), 1);
        text.extend(response.chunk().await.unwrap().unwrap());
        pieces += 1;
    }
    assert!(pieces > 1, "it came in one piece");
    while response.chunk().await.unwrap().is_some() {}
    assert_eq!(
        client.gate.in_flight(),
        0,
        "though the response still exists"
    );
    drop(response);
}

async fn a_dropped_body_returns_its_permit(version: Version) {
    let api = api().await;
    let client = Throttled::new(version);
    let response = client.get(api.url("/v1/stream")).await.unwrap();
    assert_eq!(client.gate.in_flight(), 1);
    drop(response);
    assert_eq!(client.gate.in_flight(), 0);
    settled(&api).await;
}

async fn a_timeout_before_the_answer_returns_the_permit(version: Version) {
    let api = silent_after(0).await;
    let client = Throttled::new(version);
    let error = client.get_within(api.url("/"), A_WHILE).await;
    assert!(error.unwrap_err().is_timeout());
    assert_eq!(client.gate.in_flight(), 0);
    settled(&api).await;
}

async fn a_timeout_within_the_body_returns_the_permit(version: Version) {
    let api = endless().await;
    let client = Throttled::new(version);
    let mut response = client.get_within(api.url("/"), A_WHILE).await.unwrap();
    let error = loop {
        match response.chunk().await {
            Ok(piece) => assert!(piece.is_some(), "it ended"),
            Err(error) => break error,
        }
    };
    assert!(error.is_timeout());
    assert_eq!(
        client.gate.in_flight(),
        0,
        "though the response still exists"
    );
    drop(response);
    settled(&api).await;
}

async fn a_timeout_is_kept_by_each_attempt(version: Version) {
    let api = silent_after(1).await;
    let client = Throttled::new(version);
    let error = client.get_within(api.url("/"), A_WHILE).await;
    assert!(error.unwrap_err().is_timeout());
    assert_eq!(client.gate.refused(), 1, "it was the second attempt's");
    assert_eq!(client.gate.in_flight(), 0);
}

async fn the_url_and_all_else_of_the_response_are_kept(version: Version) {
    let api = refusing(2).await;
    let client = Throttled::new(version);
    let url = api.url("/v1/posts?key=1");
    let request = client.reqwest.post(&url).body("hello").build().unwrap();
    let response = client.stack.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.version(), version);
    assert_eq!(response.url().as_str(), url);
    assert_eq!(response.content_length(), Some(5));
    assert!(response.remote_addr().is_some());
    assert_eq!(Attempts::of(response.extensions()).get(), 3);
    assert_eq!(response.text().await.unwrap(), "hello");
    assert_eq!(api.counts().connections, 1);
}
