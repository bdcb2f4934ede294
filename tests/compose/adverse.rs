//! What was tried to break the two layers, alone and together.

mod accounting;
mod extremes;
mod hammering;
mod harm;
mod held;
mod probes;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower::buffer::BufferLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::message::Unsent;
use tower_throttle::retry::{Attempts, Backoff, SingleUse, retry_server_errors, retry_unprocessed};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

use crate::support::*;

type Answer = Response<Full<Bytes>>;

/// Answers an attempt, by its number and its path: with what, and after how long.
type Answers = Box<dyn FnMut(usize, &str) -> (Answer, Duration) + Send>;

/// An API that notes what it was sent, and when.
#[derive(Clone)]
struct Api {
    answers: Arc<Mutex<Answers>>,
    sent: Arc<Mutex<Vec<(Instant, String)>>>,
}

const NEVER: Duration = Duration::from_secs(1_000_000_000);

impl Api {
    fn new(answers: impl FnMut(usize, &str) -> (Answer, Duration) + Send + 'static) -> Self {
        Self {
            answers: Arc::new(Mutex::new(Box::new(answers))),
            sent: Arc::default(),
        }
    }

    fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    fn times(&self) -> Vec<Instant> {
        let sent = self.sent.lock().unwrap();
        sent.iter().map(|(at, _)| *at).collect()
    }

    fn service<B: Send + 'static>(
        &self,
    ) -> impl Service<
        Request<B>,
        Response = Answer,
        Error = Infallible,
        Future = impl Future<Output = Result<Answer, Infallible>> + Send + use<B>,
    > + Clone
    + Send
    + use<B> {
        let api = self.clone();
        tower::service_fn(move |request: Request<B>| {
            let path = request.uri().path().to_owned();
            let number = {
                let mut sent = api.sent.lock().unwrap();
                sent.push((Instant::now(), path.clone()));
                sent.len() - 1
            };
            let (answer, latency) = (api.answers.lock().unwrap())(number, &path);
            async move {
                sleep(latency).await;
                Ok(answer)
            }
        })
    }
}

/// A client of the API, with both layers.
fn stack<C: 'static>(
    retries: &RetryOn429Layer<C>,
    gate: &AdaptiveConcurrencyLayer,
    api: &Api,
) -> RetryOn429<
    AdaptiveConcurrency<
        impl Service<Req, Response = Answer, Error = Infallible, Future: Send> + Clone + Send + use<C>,
    >,
    C,
> {
    ServiceBuilder::new()
        .layer(retries.clone())
        .layer(gate.clone())
        .service(api.service())
}

fn to(path: &str) -> Req {
    Request::get(format!("http://api.test{path}"))
        .body(Full::default())
        .unwrap()
}

fn used_up() -> Answer {
    let body = Full::from(r#"{"error":{"code":"insufficient_quota"}}"#);
    Response::builder().status(429).body(body).unwrap()
}

fn over_cap() -> Answer {
    retry_after(3600)
}

/// Two refusals for good, by which the circuit opens.
async fn open<S, B>(client: &S, path: &str)
where
    S: Service<Req, Response = Response<B>, Error = Infallible> + Clone,
{
    for _ in 0..2 {
        let _ = client.clone().oneshot(to(path)).await.unwrap();
    }
}

fn is_copy<B>(answer: &Response<B>) -> bool {
    Unsent::of(answer.extensions()).is_some()
}
