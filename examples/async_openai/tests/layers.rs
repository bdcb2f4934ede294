//! The example, and what else the client does above the layers, over real sockets.

use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::retry::OpenAIRetryLayer;
use async_openai::middleware::{HttpRequestFactory, ReqwestService};
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode};
use tokio::time::{sleep, timeout};
use tokio_stream::StreamExt;
use tower::Layer;
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::{Backoff, CloneRequest, NoHook, Refusal, RefusalsOnly};

use async_openai_example::api::{Mood, OpenAi, WORDS};
use async_openai_example::client::throttled;
use async_openai_example::jobs::{Summary, chat, chat_once, run};

/// Not a check of speed, but an end to a test that hangs.
const HANGS: Duration = Duration::from_secs(60);

#[tokio::test]
async fn nothing_is_lost() {
    let api = OpenAi::start().await.unwrap();
    let (client, gate) = throttled(&api.url());
    let done = timeout(HANGS, run(&client, 30)).await.unwrap().unwrap();
    let all = Summary {
        chats: 30,
        streams: 30,
        embeddings: 30,
    };
    assert_eq!(done, all);
    assert_eq!(api.seen().answered, 90, "each was worked on once");
    assert!(api.seen().refused >= 9);
    assert_eq!(gate.in_flight(), 0);
    assert_eq!(gate.waiting(), 0);
}

#[tokio::test]
async fn attempts_do_not_multiply() {
    let api = OpenAi::in_a_mood(Mood::Closed).await.unwrap();
    let service = three_attempts().layer(ReqwestService::new(reqwest::Client::new()));
    let client = Client::with_config(config(&api)).with_http_service(service);
    let error = timeout(HANGS, chat_once(&client))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(code(&error), (429, "rate_limit_exceeded"));
    assert_eq!(api.seen().refused, 3);
}

/// What the example's client warns of.
#[tokio::test]
async fn with_its_own_retry_layer_they_do() {
    let api = OpenAi::in_a_mood(Mood::Closed).await.unwrap();
    let service = OpenAIRetryLayer::default()
        .layer(three_attempts().layer(ReqwestService::new(reqwest::Client::new())));
    let client = Client::with_config(config(&api)).with_http_service(service);
    timeout(HANGS, chat_once(&client))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(api.seen().refused, 4 * 3);
}

/// A client that is given to `with_http_client` brings its own service with it.
#[tokio::test]
async fn the_service_must_be_set_last() {
    let api = OpenAi::in_a_mood(Mood::Closed).await.unwrap();
    let service = three_attempts().layer(ReqwestService::new(reqwest::Client::new()));
    let client = Client::with_config(config(&api))
        .with_http_service(service)
        .with_http_client(reqwest::Client::new());
    timeout(HANGS, chat_once(&client))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(api.seen().refused, 4, "async-openai's own retries");
}

#[tokio::test]
async fn a_refusal_for_good_is_returned_at_once() {
    let api = OpenAi::in_a_mood(Mood::OutOfCredit).await.unwrap();
    let (client, gate) = throttled(&api.url());
    let error = timeout(HANGS, chat_once(&client))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(code(&error), (429, "insufficient_quota"));
    assert_eq!(api.seen().refused, 1);
    assert_eq!(gate.in_flight(), 0);
}

#[tokio::test]
async fn a_stream_keeps_its_permit_until_it_is_dropped() {
    let api = OpenAi::in_a_mood(Mood::Endless).await.unwrap();
    let (client, gate) = throttled(&api.url());
    let mut stream = client.chat().create_stream(chat()).await.unwrap();
    for _ in WORDS {
        timeout(HANGS, stream.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
    assert_eq!(gate.in_flight(), 1);
    drop(stream);
    let home = async {
        while gate.in_flight() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(HANGS, home).await.unwrap();
}

/// The key is in what the client sends through tower; a hook makes a request with another one of it.
#[tokio::test]
async fn a_key_that_has_expired_is_replaced() {
    let api = OpenAi::in_a_mood(Mood::NewKey).await.unwrap();
    let retries = RetryOn429Layer::new().clone_request(copy).on_refusal(
        |refusal: Refusal<'_>, request: &HttpRequestFactory| {
            if refusal.status() != StatusCode::UNAUTHORIZED {
                return None;
            }
            let request = request.clone();
            Some(async move {
                let key = new_key().await;
                Some(HttpRequestFactory::new(move || {
                    let (request, key) = (request.clone(), key.clone());
                    async move {
                        let mut request = request.build().await?;
                        request.headers_mut().insert(AUTHORIZATION, key);
                        Ok(request)
                    }
                }))
            })
        },
    );
    let service = retries.layer(ReqwestService::new(reqwest::Client::new()));
    let client = Client::with_config(config(&api)).with_http_service(service);
    let answer = timeout(HANGS, chat_once(&client)).await.unwrap().unwrap();
    assert_eq!(answer, WORDS.concat());
    assert_eq!((api.seen().refused, api.seen().answered), (1, 1));
}

async fn new_key() -> HeaderValue {
    sleep(Duration::from_millis(1)).await;
    HeaderValue::from_static("Bearer sk-new")
}

fn copy(request: &HttpRequestFactory) -> Option<HttpRequestFactory> {
    Some(request.clone())
}

fn three_attempts() -> RetryOn429Layer<
    RefusalsOnly,
    NoHook,
    impl CloneRequest<HttpRequestFactory> + Send + Sync + 'static,
> {
    RetryOn429Layer::new()
        .clone_request(copy)
        .backoff(Backoff::exponential(
            Duration::from_millis(1),
            Duration::from_millis(5),
        ))
        .max_attempts(3)
}

fn config(api: &OpenAi) -> OpenAIConfig {
    OpenAIConfig::new()
        .with_api_base(api.url())
        .with_api_key("sk-old")
}

fn code(error: &OpenAIError) -> (u16, &str) {
    match error {
        OpenAIError::ApiError(answer) => {
            let code = answer.api_error.code.as_deref();
            (answer.status_code.as_u16(), code.unwrap_or_default())
        }
        other => panic!("{other}"),
    }
}
