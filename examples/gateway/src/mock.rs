//! A small stand-in for an AI API, which works on a fixed number of requests at once and refuses the others.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::StreamExt;

/// How many events a streamed answer's text comes in.
const PIECES: u32 = 8;

/// What the API says, a piece at a time.
const TEXT: [&str; PIECES as usize] = [
    "All", " work", " and", " no", " play", " makes", " Jack", ".",
];

/// The API's settings.
#[derive(Clone, Debug, clap::Args)]
pub struct Limits {
    /// How many requests it works on at once; one more is refused
    #[arg(long, value_name = "N", default_value = "5")]
    pub concurrency: usize,

    /// How long it works on a request, give or take half of it
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = humantime::parse_duration)]
    pub latency: Duration,

    /// How many seconds refused requests are asked to wait; without it they are told nothing
    #[arg(long, value_name = "SECONDS")]
    pub retry_after: Option<u64>,
}

/// A mock API, and what it has seen.
#[derive(Clone, Debug)]
pub struct Mock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    places: Arc<Semaphore>,
    accepted: AtomicUsize,
    refused: AtomicUsize,
    most: AtomicUsize,
}

/// What a mock API has seen.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Seen {
    /// Requests that it works on.
    pub in_flight: usize,
    /// Requests that it worked on, those included.
    pub accepted: usize,
    /// Requests that it refused.
    pub refused: usize,
    /// The most that it worked on at once.
    pub most: usize,
}

impl Mock {
    /// An API with these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Shared {
            places: Arc::new(Semaphore::new(limits.concurrency)),
            limits,
            accepted: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }))
    }

    /// Its addresses: chat completions, embeddings, models, and `/seen`, where its numbers stand.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/embeddings", post(embeddings))
            .route("/v1/models", get(models))
            .route(
                "/seen",
                get(async |State(mock): State<Mock>| Json(mock.seen())),
            )
            .with_state(self.clone())
    }

    /// What it has seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen {
            in_flight: self.in_flight(),
            accepted: self.0.accepted.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
            most: self.0.most.load(Ordering::Relaxed),
        }
    }

    fn in_flight(&self) -> usize {
        self.0.limits.concurrency - self.0.places.available_permits()
    }

    /// A place and the time to work, or a refusal.
    fn admit(&self) -> Result<(OwnedSemaphorePermit, Duration), Refused> {
        let Ok(place) = Arc::clone(&self.0.places).try_acquire_owned() else {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Refused {
                retry_after: self.0.limits.retry_after,
            });
        };
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        self.0.most.fetch_max(self.in_flight(), Ordering::Relaxed);
        Ok((place, self.0.limits.latency.mul_f64(0.5 + fastrand::f64())))
    }
}

struct Refused {
    retry_after: Option<u64>,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let error = json!({ "error": {
            "message": "Too many requests at once.",
            "type": "requests",
            "param": null,
            "code": "rate_limit_exceeded",
        }});
        let mut response = (StatusCode::TOO_MANY_REQUESTS, Json(error)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[derive(Debug, Deserialize)]
struct Chat {
    model: String,
    #[serde(default)]
    stream: bool,
}

async fn chat(State(mock): State<Mock>, Json(chat): Json<Chat>) -> Result<Response, Refused> {
    let (place, work) = mock.admit()?;
    if chat.stream {
        return Ok(stream(&chat.model, place, work));
    }
    tokio::time::sleep(work).await;
    drop(place);
    let choice = json!({
        "index": 0,
        "message": { "role": "assistant", "content": TEXT.concat() },
        "finish_reason": "stop",
    });
    let mut answer = head(&chat.model, "chat.completion", &choice);
    answer["usage"] = json!({ "prompt_tokens": 5, "completion_tokens": 8, "total_tokens": 13 });
    Ok(Json(answer).into_response())
}

/// The text in events, over the time the work takes.
fn stream(model: &str, place: OwnedSemaphorePermit, work: Duration) -> Response {
    let pieces = TEXT.map(|piece| chunk(model, &json!({ "content": piece }), Value::Null));
    let pieces = tokio_stream::iter(pieces).throttle(work / PIECES);
    // At once, since a client may take the last one for the end, and send its next request.
    let last = [
        chunk(model, &json!({}), json!("stop")),
        Event::default().data("[DONE]"),
    ];
    // The place lasts as long as the stream.
    let events = pieces.chain(tokio_stream::iter(last)).map(move |event| {
        let _ = &place;
        Ok::<_, Infallible>(event)
    });
    Sse::new(events).into_response()
}

fn chunk(model: &str, delta: &Value, finish: Value) -> Event {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
    Event::default().data(head(model, "chat.completion.chunk", &choice).to_string())
}

fn head(model: &str, object: &str, choice: &Value) -> Value {
    json!({
        "id": "chatcmpl-mock",
        "object": object,
        "created": 1_700_000_000,
        "model": model,
        "choices": [choice],
    })
}

async fn embeddings(State(mock): State<Mock>) -> Result<Json<Value>, Refused> {
    let (_place, work) = mock.admit()?;
    tokio::time::sleep(work).await;
    Ok(Json(json!({
        "object": "list",
        "model": "mock",
        "data": [{ "object": "embedding", "index": 0, "embedding": [0.25, -0.5, 1.0] }],
        "usage": { "prompt_tokens": 5, "total_tokens": 5 },
    })))
}

async fn models() -> Json<Value> {
    let model = json!({ "id": "mock", "object": "model", "created": 0, "owned_by": "nobody" });
    Json(json!({ "object": "list", "data": [model] }))
}
