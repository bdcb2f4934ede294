//! An API that answers as OpenAI's does, on loopback.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use embedded_api::{Answer, Api, text, with_status};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use serde_json::{Value, json};
use tokio::time::sleep;

/// What every chat is answered, one by one if it is streamed.
pub const WORDS: [&str; 5] = ["How", " do", " you", " do", "?"];

/// How many requests the API works on at once.
const PLACES: usize = 5;

/// It turns away every so manieth request that it has a place for.
const TURNED_AWAY: usize = 10;

const WORK: Duration = Duration::from_millis(20);
const BETWEEN_WORDS: Duration = Duration::from_millis(5);

/// How the API behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Turns every tenth away.
    Usual,
    /// Turns all away.
    Closed,
    /// Has no more credit for anybody.
    OutOfCredit,
    /// Serves those that have the new key.
    NewKey,
    /// Never ends a stream.
    Endless,
}

#[derive(Debug)]
pub struct OpenAi {
    api: Api,
    work: Arc<Work>,
}

#[derive(Debug)]
struct Work {
    mood: Mood,
    let_in: AtomicUsize,
    turned_away: AtomicUsize,
}

/// What the API has seen.
#[derive(Debug)]
pub struct Seen {
    pub answered: usize,
    pub refused: usize,
    pub peak: usize,
}

impl OpenAi {
    pub async fn start() -> io::Result<Self> {
        Self::in_a_mood(Mood::Usual).await
    }

    pub async fn in_a_mood(mood: Mood) -> io::Result<Self> {
        let work = Arc::new(Work {
            mood,
            let_in: AtomicUsize::new(0),
            turned_away: AtomicUsize::new(0),
        });
        let handler = {
            let work = Arc::clone(&work);
            move |request| Arc::clone(&work).answer(request)
        };
        let api = Api::with_handler(PLACES, handler).await?;
        Ok(Self { api, work })
    }

    /// The base of all addresses.
    pub fn url(&self) -> String {
        self.api.url("/v1")
    }

    pub fn seen(&self) -> Seen {
        let counts = self.api.counts();
        let turned_away = self.work.turned_away.load(Relaxed);
        Seen {
            answered: counts.accepted - turned_away,
            refused: counts.refused + turned_away,
            peak: counts.peak,
        }
    }
}

impl Work {
    async fn answer(self: Arc<Self>, request: Request<Bytes>) -> Answer {
        if let Some(refusal) = self.refusal(&request) {
            self.turned_away.fetch_add(1, Relaxed);
            return refusal;
        }
        sleep(WORK).await;
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        match request.uri().path() {
            "/v1/chat/completions" if body["stream"] == true => self.stream(),
            "/v1/chat/completions" => text(chat().to_string()),
            "/v1/embeddings" => text(embedding().to_string()),
            _ => with_status(StatusCode::NOT_FOUND, text("")),
        }
    }

    fn refusal(&self, request: &Request<Bytes>) -> Option<Answer> {
        let number = self.let_in.fetch_add(1, Relaxed) + 1;
        let new_key = HeaderValue::from_static("Bearer sk-new");
        let (status, code) = match self.mood {
            Mood::Usual if number % TURNED_AWAY == 0 => (429, "rate_limit_exceeded"),
            Mood::Closed => (429, "rate_limit_exceeded"),
            Mood::OutOfCredit => (429, "insufficient_quota"),
            Mood::NewKey if request.headers().get(AUTHORIZATION) != Some(&new_key) => {
                (401, "invalid_api_key")
            }
            _ => return None,
        };
        let error = json!({ "error": {
            "message": "Please try again in 10ms.", "type": "requests", "param": null, "code": code,
        }});
        let status = StatusCode::from_u16(status).expect("a status");
        Some(with_status(status, text(error.to_string())))
    }

    fn stream(&self) -> Answer {
        let endless = self.mood == Mood::Endless;
        let (mut sender, body) = Channel::new(1);
        tokio::spawn(async move {
            let more = endless.then(|| std::iter::repeat("")).into_iter().flatten();
            for word in WORDS.into_iter().chain(more) {
                sleep(BETWEEN_WORDS).await;
                let event = event(&chunk(word).to_string());
                // The client hung up.
                if sender.send_data(event).await.is_err() {
                    return;
                }
            }
            let _ = sender.send_data(event("[DONE]")).await;
        });
        let answer = Response::builder().header("content-type", "text/event-stream");
        answer.body(body.boxed()).expect("a sound header")
    }
}

fn event(data: &str) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

fn chat() -> Value {
    json!({
        "id": "chat-1", "object": "chat.completion", "created": 1, "model": "test-chat",
        "choices": [{
            "index": 0, "finish_reason": "stop",
            "message": { "role": "assistant", "content": WORDS.concat() },
        }],
    })
}

fn chunk(word: &str) -> Value {
    json!({
        "id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": "test-chat",
        "choices": [{ "index": 0, "delta": { "content": word } }],
    })
}

fn embedding() -> Value {
    json!({
        "object": "list", "model": "test-embedding",
        "data": [{ "object": "embedding", "index": 0, "embedding": [0.25, 0.5, 0.75] }],
        "usage": { "prompt_tokens": 2, "total_tokens": 2 },
    })
}
