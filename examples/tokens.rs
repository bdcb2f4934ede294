//! A quota of tokens for each model: announced, reserved, and settled by the usage that answers tell.
//!
//! `cargo run --example tokens`

use std::collections::HashMap;
use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_throttle::cost::Cost;
use tower_throttle::keyed::{KeyedLayer, Model};
use tower_throttle::usage::{Usage, UsageLayer};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

type Body = Full<Bytes>;

/// Each model, and the tokens that the API allows it in a minute. Those of a second may come at once.
const MODELS: [(&str, f64); 2] = [("large", 300_000.0), ("small", 900_000.0)];
/// How many requests each model gets. One in ten is long.
const REQUESTS: usize = 100;
const TIME: Duration = Duration::from_millis(200);

#[tokio::main]
async fn main() -> ExitCode {
    let gate = AdaptiveConcurrencyLayer::new;
    let no_cost = Api::default();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(KeyedLayer::new(Model::of::<Body>).gates(move |_| gate()))
        .service(no_cost.service());
    send_all("no cost", client, &no_cost).await;

    // Who has the request before it waits announces its cost: here the keyed gates. Without keys, a `QueueLayer` does.
    let with_cost = Api::default();
    let client = ServiceBuilder::new()
        .layer(UsageLayer::new(Usage::openai_compatible())) // this API gives back what was not written
        .layer(RetryOn429Layer::new())
        .layer(KeyedLayer::new(Model::of::<Body>).gates(move |_| gate().cost(cost)))
        .service(with_cost.service());
    if send_all("cost", client, &with_cost).await {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What the API reserves: the prompt, four bytes to the token, and the most that the answer may have.
fn cost(request: &Request<Body>) -> Cost {
    let bytes = http_body::Body::size_hint(request.body()).lower();
    let most = request.extensions().get::<MaxTokens>();
    Cost::input(bytes / 4).and_output(most.map_or(0, |MaxTokens(most)| *most))
}

/// The `max_tokens` of a request. Where it is made, that is known; it need not be read from its body again.
#[derive(Clone, Copy)]
struct MaxTokens(u64);

fn request(model: &str, id: usize) -> Request<Body> {
    let (words, most) = if id % 10 == 0 {
        (800, 1_200)
    } else {
        (100, 200)
    };
    let body = json!({"model": model, "max_tokens": most, "prompt": "word ".repeat(words)});
    let request =
        Request::post("https://api.example.com/v1/completions").extension(MaxTokens(most));
    request
        .body(Full::from(body.to_string()))
        .expect("a valid request")
}

/// Sends all requests at once, and tells whether all were served and hardly any was refused.
async fn send_all<S, B>(name: &str, client: S, api: &Api) -> bool
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    B: http_body::Body<Data = Bytes, Error: Send> + Send + 'static,
{
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for id in 0..REQUESTS {
        for (model, _) in MODELS {
            let answer = client.clone().oneshot(request(model, id));
            tasks.spawn(async move {
                let Ok(answer) = answer.await;
                let status = answer.status();
                answer.into_body().collect().await.is_ok() && status.is_success()
            });
        }
    }
    let served = tasks.join_all().await.into_iter().filter(|ok| *ok).count();
    let refused = *api.refused.lock().unwrap();
    println!(
        "{name:<8} {served} of {} served in {:.1?}, {refused} refused",
        2 * REQUESTS,
        start.elapsed()
    );
    served == 2 * REQUESTS && refused <= REQUESTS / 20
}

/// In place of a client: an API that counts tokens by model, tells what is left, and gives back what was not written.
#[derive(Clone, Default)]
struct Api {
    buckets: Arc<Mutex<HashMap<String, Bucket>>>,
    refused: Arc<Mutex<usize>>,
}

/// The tokens of a second at most, filled evenly.
struct Bucket {
    rate: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn of(model: &str) -> Self {
        let rate = MODELS.iter().find(|(name, _)| *name == model);
        let rate = rate.map_or(1.0, |(_, per_minute)| per_minute / 60.0);
        let (level, at) = (rate, Instant::now());
        Self { rate, level, at }
    }

    /// Adds tokens, or takes them. What is left.
    fn add(&mut self, tokens: f64) -> f64 {
        let filled = self.level + self.rate * self.at.elapsed().as_secs_f64();
        self.level = filled.min(self.rate) + tokens;
        self.at = Instant::now();
        self.level
    }
}

impl Api {
    fn service(
        &self,
    ) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static {
        let api = self.clone();
        service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move {
                let Ok(body) = request.into_body().collect().await;
                Ok(api.answer(&body.to_bytes()).await)
            }
        })
    }

    async fn answer(&self, body: &[u8]) -> Response<Body> {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let model = request["model"].as_str().unwrap_or_default();
        let most = request["max_tokens"].as_u64().unwrap_or_default();
        let prompt = body.len() as u64 / 4;
        let needs = (prompt + most) as f64;
        let head = Response::builder().header("content-type", "application/json");
        let (rate, left) = {
            let mut buckets = self.buckets.lock().unwrap();
            let bucket = buckets
                .entry(model.to_owned())
                .or_insert_with(|| Bucket::of(model));
            let is_taken = bucket.add(0.0) >= needs;
            let left = bucket.add(if is_taken { -needs } else { 0.0 });
            (bucket.rate, is_taken.then_some(left).ok_or(left))
        };
        let (Ok(remaining) | Err(remaining)) = left;
        let full = Duration::from_secs_f64((rate - remaining) / rate);
        let head = head
            .header("x-ratelimit-limit-tokens", rate as u64)
            .header("x-ratelimit-remaining-tokens", remaining as u64)
            .header(
                "x-ratelimit-reset-tokens",
                format!("{}ms", full.as_millis()),
            );
        if left.is_err() {
            *self.refused.lock().unwrap() += 1;
            let wait = (needs - remaining) / rate;
            let head = head
                .status(429)
                .header("retry-after-ms", (1e3 * wait).ceil() as u64);
            return head.body(Full::default()).expect("a valid answer");
        }
        sleep(TIME).await;
        // Three quarters of what might have been written.
        let written = most * 3 / 4;
        if let Some(bucket) = self.buckets.lock().unwrap().get_mut(model) {
            bucket.add((most - written) as f64);
        }
        let usage = json!({"prompt_tokens": prompt, "completion_tokens": written});
        let answer = json!({"choices": [], "usage": usage}).to_string();
        head.body(Full::from(answer)).expect("a valid answer")
    }
}
