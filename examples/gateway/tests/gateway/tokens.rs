//! Quotas of tokens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::common::{Running, client, gateway, upstream};

/// An API with a bucket of tokens, which it tells of by OpenAI's headers.
#[derive(Clone)]
struct Api {
    bucket: Arc<Mutex<(f64, Instant)>>,
    refused: Arc<AtomicUsize>,
    per_second: f64,
    depth: f64,
    /// It counts what was written in the end.
    gives_back: bool,
}

impl Api {
    fn new(per_second: f64, depth: f64, gives_back: bool) -> Self {
        Self {
            bucket: Arc::new(Mutex::new((depth, Instant::now()))),
            refused: Arc::default(),
            per_second,
            depth,
            gives_back,
        }
    }

    fn router(&self) -> Router {
        let api = self.clone();
        Router::new().fallback(any(async move |body: Bytes| api.answer(&body).await))
    }

    async fn answer(&self, body: &[u8]) -> Response {
        let request: Value = serde_json::from_slice(body).unwrap();
        let most = request["max_tokens"].as_u64().unwrap();
        let needs = (body.len() as u64 / 4 + most) as f64;
        let (taken, left) = {
            let (level, at) = &mut *self.bucket.lock().unwrap();
            *level = (*level + self.per_second * at.elapsed().as_secs_f64()).min(self.depth);
            *at = Instant::now();
            let taken = *level >= needs;
            *level -= if taken { needs } else { 0.0 };
            (taken, *level)
        };
        let full = (self.depth - left) / self.per_second;
        let told = [
            ("x-ratelimit-limit-tokens", format!("{}", self.depth)),
            ("x-ratelimit-remaining-tokens", format!("{left:.0}")),
            ("x-ratelimit-reset-tokens", format!("{:.0}ms", 1e3 * full)),
            ("content-type", "application/json".to_owned()),
        ];
        if !taken {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return (StatusCode::TOO_MANY_REQUESTS, told).into_response();
        }
        sleep(Duration::from_millis(50)).await;
        let written = most / 10;
        if self.gives_back {
            self.bucket.lock().unwrap().0 += (most - written) as f64;
        }
        let usage = json!({"prompt_tokens": body.len() / 4, "completion_tokens": written});
        (told, json!({ "usage": usage }).to_string()).into_response()
    }
}

/// Sends a request for each of these numbers of tokens that its answer may have, all at once.
async fn send(gateway: &Running, outputs: impl Iterator<Item = u64>) {
    let mut tasks = JoinSet::new();
    for most in outputs {
        let client = client(&gateway.url);
        let request = client.post("/v1/chat/completions");
        let request = request.body(json!({"model": "m", "max_tokens": most}).to_string());
        tasks.spawn(async move { client.fetch(request.unwrap()).await.status() });
    }
    for status in tasks.join_all().await {
        assert_eq!(status, StatusCode::OK);
    }
}

/// One in ten is dear.
fn mixed() -> impl Iterator<Item = u64> {
    (0..100).map(|id| if id % 10 == 5 { 2_000 } else { 100 })
}

#[tokio::test]
async fn with_a_cost_nothing_is_refused_once_the_quota_is_told() {
    let api = Api::new(20_000.0, 4_000.0, false);
    let url = upstream(api.router()).await;
    let counted = gateway(&url, |config| {
        config.costs = vec!["openai".parse().unwrap()]
    })
    .await;
    send(&counted, std::iter::once(1)).await;
    send(&counted, mixed()).await;
    assert_eq!(api.refused.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_was_not_written_is_given_back_if_the_provider_does_so() {
    for (provider, gives_back) in [("api=compatible", true), ("openai", false)] {
        // Hours until a bucket of 1,000 is full again.
        let api = Api::new(0.01, 1_000.0, gives_back);
        let url = upstream(api.router()).await;
        let counted = gateway(&url, |config| {
            config.costs = vec![provider.parse().unwrap()]
        })
        .await;
        send(&counted, std::iter::once(100)).await;
        send(&counted, std::iter::once(500)).await;
        let third = send(&counted, std::iter::once(450));
        let third = timeout(Duration::from_secs(2), third).await;
        assert_eq!(third.is_ok(), gives_back, "{provider}");
        assert_eq!(api.refused.load(Ordering::SeqCst), 0);
    }
}
