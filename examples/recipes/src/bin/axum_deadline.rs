//! An axum app whose handlers call a rate-limited API, and answer within a deadline, served or not: at once with
//! 503 and a true `Retry-After`, if the line is too long.
//!
//! `cargo run -p recipes --bin axum_deadline` starts the app and an API on loopback that works on five
//! requests at a time and does not say so, and sends the app 100 requests at once.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use embedded_api::Api;
use http::header::RETRY_AFTER;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self as client, Client};
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_throttle::queue::{NoPriority, Queue, QueueError, QueueLayer};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

type BoxError = Box<dyn Error + Send + Sync>;

// These are the lines to copy, down to `words`.
type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

type Throttled = RetryOn429<AdaptiveConcurrency<Http>>;
type TimeLeft = fn(&Request<Full<Bytes>>) -> Option<Duration>;

/// What the handlers share. Its clones share one gate.
#[derive(Clone)]
struct App {
    client: Queue<Throttled, NoPriority, TimeLeft>,
    upstream: Uri,
    deadline: Duration,
}

impl App {
    fn new(upstream: Uri, deadline: Duration) -> Result<Self, BoxError> {
        let tls = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .build();
        let time_left = |request: &Request<Full<Bytes>>| request.extensions().get().copied();
        let client = ServiceBuilder::new()
            // A request that cannot be sent in time fails at once.
            .layer(QueueLayer::new().deadline(time_left as TimeLeft))
            // A request that is refused until then is answered with its refusal.
            .layer(RetryOn429Layer::new().max_time(deadline / 2))
            .layer(AdaptiveConcurrencyLayer::new())
            .service(Client::builder(TokioExecutor::new()).build(tls));
        Ok(Self {
            client,
            upstream,
            deadline,
        })
    }

    async fn call(self, body: Bytes) -> Result<(StatusCode, Bytes), BoxError> {
        let request = Request::post(self.upstream).extension(self.deadline / 2);
        let request = request.body(Full::from(body))?;
        let response = self.client.oneshot(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// The timeout is around all: the wait in line, the attempts, the body.
async fn words(State(app): State<App>, body: Bytes) -> Response {
    let deadline = app.deadline;
    match timeout(deadline, app.call(body)).await {
        Ok(Ok((StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _))) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the API is busy").into_response()
        }
        Ok(Ok(answer)) => answer.into_response(),
        Ok(Err(error)) => match error.downcast_ref::<QueueError<client::Error>>() {
            Some(QueueError::Expired { needs }) => {
                let wait = [(RETRY_AFTER, (needs.as_secs() + 1).to_string())];
                (StatusCode::SERVICE_UNAVAILABLE, wait, "the line is long").into_response()
            }
            _ => (StatusCode::BAD_GATEWAY, "the API failed").into_response(),
        },
        Err(_) => (StatusCode::GATEWAY_TIMEOUT, "the API is slow").into_response(),
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    let api = Api::start(5).await?;
    let app = App::new(api.url("/v1/posts").parse()?, Duration::from_secs(10))?;
    let statuses = ask(serve(app).await?, 100).await?;
    let done = statuses.iter().filter(|status| status.is_success()).count();
    println!("requests {done} of {} answered with 200", statuses.len());
    println!("the API  {}", api.counts());
    Ok(ExitCode::from(u8::from(done < statuses.len())))
}

/// Serves the app on loopback, and returns its address.
async fn serve(app: App) -> Result<Uri, BoxError> {
    let router = Router::new().route("/words", post(words)).with_state(app);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}/words").parse()?)
}

/// Sends this number of requests at once, and returns the statuses of their answers.
async fn ask(url: Uri, requests: usize) -> Result<Vec<StatusCode>, BoxError> {
    let browser = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut answers = JoinSet::new();
    for _ in 0..requests {
        let request = Request::post(&url).body(Full::from("a few words"))?;
        answers.spawn(browser.request(request));
    }
    let mut statuses = Vec::new();
    while let Some(answer) = answers.join_next().await {
        statuses.push(answer??.status());
    }
    Ok(statuses)
}

#[cfg(test)]
mod tests {
    use embedded_api::{posts, text, with_status};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(2);

    async fn statuses(api: &Api, requests: usize) -> Vec<StatusCode> {
        let app = App::new(api.url("/v1/posts").parse().unwrap(), DEADLINE).unwrap();
        ask(serve(app).await.unwrap(), requests).await.unwrap()
    }

    #[tokio::test]
    async fn requests_above_the_limit_are_served_in_time() {
        let api = Api::with_handler(5, posts).await.unwrap();
        assert_eq!(statuses(&api, 20).await, [StatusCode::OK; 20]);
    }

    #[tokio::test]
    async fn a_slow_api_is_told_at_the_deadline() {
        let api = Api::with_handler(100, |_| std::future::pending());
        let api = api.await.unwrap();
        // No more than the gate lets go at once: those in line are told earlier.
        assert_eq!(statuses(&api, 4).await, [StatusCode::GATEWAY_TIMEOUT; 4]);
    }

    #[tokio::test]
    async fn those_who_do_not_get_out_of_the_line_are_told_before_the_deadline() {
        let api = Api::with_handler(100, |_| std::future::pending());
        let api = api.await.unwrap();
        let statuses = statuses(&api, 40).await;
        let of = |code| statuses.iter().filter(|status| **status == code).count();
        let (late, sent) = (
            of(StatusCode::SERVICE_UNAVAILABLE),
            of(StatusCode::GATEWAY_TIMEOUT),
        );
        // The gate lets up to 16 go before the first answer.
        assert_eq!(late + sent, 40);
        assert!((4..=16).contains(&sent), "{sent}");
    }

    #[tokio::test]
    async fn an_api_that_refuses_all_is_told_before_the_deadline() {
        let api = Api::with_handler(5, |_| {
            std::future::ready(with_status(StatusCode::TOO_MANY_REQUESTS, text("")))
        });
        let api = api.await.unwrap();
        assert_eq!(
            statuses(&api, 9).await,
            [StatusCode::SERVICE_UNAVAILABLE; 9]
        );
    }
}
