//! A batch over each client.

mod support;

use bytes::Bytes;
use embedded_api::Api;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response, Version};
use http_body_util::Full;
use reqwest::Method;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use support::*;
use tower::{BoxError, Service, ServiceBuilder};
use tower_throttle::message::HttpResponse;
use tower_throttle::{AdaptiveConcurrencyLayer, Batch, RetryOn429Layer, ThrottleMiddleware};

over_both_versions!(
    hyper_util,
    reqwest_alone,
    reqwest_with_middleware_inside,
    reqwest_with_middleware_around,
    streamed_answers_are_read_to_their_end,
);

const REQUESTS: usize = 100;

/// Sends a hundred requests through a client, all of which must be served.
async fn all_served<S, Req>(client: &S, request: impl Fn() -> Req) -> Vec<Response<Bytes>>
where
    S: Service<Req, Response: HttpResponse> + Clone,
    S::Error: std::fmt::Debug,
    <<S::Response as HttpResponse>::Body as http_body::Body>::Error: Into<BoxError>,
{
    let requests = stream::repeat_with(request).take(REQUESTS);
    let results = Batch::new(client).ordered().ahead(20).run(requests);
    let answers = results.map(|result| result.unwrap().1);
    let answers: Vec<_> = answers.collect().await;
    assert_eq!(answers.len(), REQUESTS);
    answers
}

fn all_say(answers: &[Response<Bytes>], expected: &str) {
    assert!(answers.iter().all(|answer| answer.body() == expected));
}

fn reqwest_post(api: &Api) -> impl Fn() -> reqwest::Request {
    let url: reqwest::Url = api.url("/v1/posts").parse().unwrap();
    move || {
        let mut request = reqwest::Request::new(Method::POST, url.clone());
        *request.body_mut() = Some("two words".into());
        request
    }
}

fn http_post(api: &Api, path: &str) -> impl Fn() -> Request<Full<Bytes>> {
    let url = api.url(path);
    move || Request::post(&url).body(Full::from("two words")).unwrap()
}

async fn hyper_util(version: Version) {
    let api = api().await;
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .service(hyper_client(version));
    let answers = all_served(&client, http_post(&api, "/v1/posts")).await;
    all_say(&answers, r#"{"words":2}"#);
    assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
}

async fn reqwest_alone(version: Version) {
    let api = api().await;
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(reqwest_client(version));
    let mut answers = all_served(&client, reqwest_post(&api)).await;
    all_say(&answers, r#"{"words":2}"#);
    let answer = reqwest::Response::from(answers.remove(0));
    assert_eq!(answer.url().as_str(), api.url("/v1/posts"));
    assert_eq!(answer.text().await.unwrap(), r#"{"words":2}"#);
}

async fn reqwest_with_middleware_inside(version: Version) {
    let api = api().await;
    let throttle = ThrottleMiddleware::new();
    let gate = throttle.gate_handle();
    let client = ClientBuilder::new(reqwest_client(version))
        .with(throttle)
        .build();
    let answers = all_served(&client, reqwest_post(&api)).await;
    all_say(&answers, r#"{"words":2}"#);
    assert_eq!((gate.in_flight(), gate.waiting()), (0, 0));
}

async fn reqwest_with_middleware_around(version: Version) {
    let api = api().await;
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(ClientWithMiddleware::from(reqwest_client(version)));
    all_say(
        &all_served(&client, reqwest_post(&api)).await,
        r#"{"words":2}"#,
    );
}

async fn streamed_answers_are_read_to_their_end(version: Version) {
    let api = api().await;
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .service(hyper_client(version));
    let answers = all_served(&client, http_post(&api, "/v1/stream")).await;
    assert!(answers.iter().all(|answer| !answer.body().is_empty()));
    assert_eq!(handle.in_flight(), 0);
}
