//! reqwest-middleware's client, with both layers around it and inside it.

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use http::{Extensions, Version};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};
use support::*;
use tower::{ServiceBuilder, ServiceExt};
use tower_throttle::retry::{Attempts, Backoff, retry_errors};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer, ThrottleMiddleware};

over_both_versions!(
    no_job_is_lost_around_the_client,
    no_job_is_lost_inside_the_client,
    a_streamed_body_holds_its_permit_until_it_ends,
    a_timeout_of_the_request_returns_the_permit,
    a_dropped_request_returns_its_permit,
    extensions_reach_every_attempt_and_come_back,
    a_clone_shares_the_gate,
    a_stack_with_other_layers_goes_inside,
);

fn quick() -> RetryOn429Layer {
    let (base, max) = (Duration::from_millis(1), Duration::from_millis(5));
    RetryOn429Layer::new().backoff(Backoff::exponential(base, max))
}

fn inside(throttle: ThrottleMiddleware, version: Version) -> ClientWithMiddleware {
    ClientBuilder::new(reqwest_client(version))
        .with(throttle)
        .build()
}

async fn read(response: Response, url: &str) -> Version {
    assert_eq!(response.status(), 200);
    assert_eq!(response.url().as_str(), url);
    let version = response.version();
    assert_eq!(response.text().await.unwrap(), r#"{"words":2}"#);
    version
}

async fn no_job_is_lost_around_the_client(version: Version) {
    let api = api().await;
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let plain = ClientWithMiddleware::from(reqwest_client(version));
    let client = ServiceBuilder::new()
        .layer(quick())
        .layer(gate)
        .service(plain.clone());
    let url = api.url("/v1/posts");
    none_is_lost(&api, &handle, version, |job| {
        let request = plain
            .post(&url)
            .body(format!("post {job}"))
            .build()
            .unwrap();
        let response = client.clone().oneshot(request);
        let url = url.clone();
        async move { read(response.await.unwrap(), &url).await }
    })
    .await;
}

async fn no_job_is_lost_inside_the_client(version: Version) {
    let api = api().await;
    let throttle = ThrottleMiddleware::new();
    let handle = throttle.gate_handle();
    let client = inside(throttle, version);
    let url = api.url("/v1/posts");
    none_is_lost(&api, &handle, version, |job| {
        let request = client.post(&url).body(format!("post {job}"));
        let url = url.clone();
        async move { read(request.send().await.unwrap(), &url).await }
    })
    .await;
}

async fn a_streamed_body_holds_its_permit_until_it_ends(version: Version) {
    let api = api().await;
    let throttle = ThrottleMiddleware::new();
    let gate = throttle.gate_handle();
    let client = inside(throttle, version);
    let mut response = client.get(api.url("/v1/stream")).send().await.unwrap();
    while response.chunk().await.unwrap().is_some() {}
    assert_eq!(gate.in_flight(), 0, "though the response still exists");
    drop(response);

    let dropped = client.get(api.url("/v1/stream")).send().await.unwrap();
    assert_eq!(gate.in_flight(), 1);
    drop(dropped);
    assert_eq!(gate.in_flight(), 0);
    settled(&api).await;
}

async fn a_timeout_of_the_request_returns_the_permit(version: Version) {
    let api = silent_after(0).await;
    let throttle = ThrottleMiddleware::new();
    let gate = throttle.gate_handle();
    let request = inside(throttle, version).get(api.url("/"));
    let error = request.timeout(A_WHILE).send().await;
    assert!(error.unwrap_err().is_timeout());
    assert_eq!(gate.in_flight(), 0);
    settled(&api).await;
}

async fn a_dropped_request_returns_its_permit(version: Version) {
    let api = api().await;
    let throttle = ThrottleMiddleware::new();
    let gate = throttle.gate_handle();
    let request = inside(throttle, version).get(api.url("/v1/posts"));
    let sending = tokio::spawn(request.send());
    while api.counts().in_flight == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(gate.in_flight(), 1);
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    assert_eq!((gate.in_flight(), gate.accepted()), (0, 0));
    settled(&api).await;
}

/// Given with the request.
#[derive(Clone)]
struct FromAbove(&'static str);

/// Left by the middleware below.
#[derive(Clone, Debug, PartialEq)]
struct Run(usize);

#[derive(Default)]
struct Below(AtomicUsize);

impl Middleware for Below {
    fn handle<'s, 'e, 'n, 'f>(
        &'s self,
        request: Request,
        extensions: &'e mut Extensions,
        next: Next<'n>,
    ) -> Pin<Box<dyn Future<Output = Result<Response>> + Send + 'f>>
    where
        's: 'f,
        'e: 'f,
        'n: 'f,
        Self: 'f,
    {
        assert_eq!(extensions.get::<FromAbove>().unwrap().0, "kept");
        assert!(
            extensions.get::<Run>().is_none(),
            "nothing of an attempt before"
        );
        extensions.insert(Run(self.0.fetch_add(1, SeqCst) + 1));
        Box::pin(next.run(request, extensions))
    }
}

async fn extensions_reach_every_attempt_and_come_back(version: Version) {
    let gate = AdaptiveConcurrencyLayer::new;
    let together = ClientBuilder::new(reqwest_client(version))
        .with(ThrottleMiddleware::from_layers(quick(), gate()));
    let apart = ClientBuilder::new(reqwest_client(version))
        .with(ThrottleMiddleware::with_layer(quick()))
        .with(ThrottleMiddleware::with_layer(gate()));
    extensions_pass(together).await;
    extensions_pass(apart).await;
}

async fn extensions_pass(client: ClientBuilder) {
    let api = refusing(2).await;
    let below = Arc::new(Below::default());
    let client = client.with_arc(below.clone()).build();
    let request = client.post(api.url("/")).body("hello").build().unwrap();
    let mut extensions = Extensions::new();
    extensions.insert(FromAbove("kept"));
    let response = client
        .execute_with_extensions(request, &mut extensions)
        .await;
    let response = response.unwrap();
    assert_eq!(Attempts::of(response.extensions()).get(), 3);
    assert_eq!(response.text().await.unwrap(), "hello");
    assert_eq!(extensions.get(), Some(&Run(3)), "those of the last attempt");
    assert_eq!(extensions.get::<FromAbove>().unwrap().0, "kept");
    assert_eq!(api.counts().connections, 1);

    let request = client.post(api.url("/")).with_extension(FromAbove("kept"));
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(below.0.load(SeqCst), 4);
}

async fn a_clone_shares_the_gate(version: Version) {
    let api = api().await;
    let throttle = ThrottleMiddleware::default();
    let gate = throttle.gate_handle();
    let clients = [inside(throttle.clone(), version), inside(throttle, version)];
    for client in clients {
        let response = client.get(api.url("/v1/posts")).send().await.unwrap();
        response.bytes().await.unwrap();
    }
    assert_eq!((gate.accepted(), gate.in_flight()), (2, 0));
}

async fn a_stack_with_other_layers_goes_inside(version: Version) {
    let api = refusing(1).await;
    let attempts = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&attempts);
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let stack = ServiceBuilder::new()
        .layer(quick().classify(retry_errors(|_: &reqwest_middleware::Error| true)))
        .layer(gate)
        .map_request(move |request: Request| {
            seen.fetch_add(1, SeqCst);
            request
        });
    let client = ClientBuilder::new(reqwest_client(version))
        .with(ThrottleMiddleware::with_layer(stack))
        .build();
    let response = client
        .post(api.url("/"))
        .body("hello")
        .send()
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
    assert_eq!(attempts.load(SeqCst), 2);
    assert_eq!((handle.accepted(), handle.refused()), (1, 1));
}
