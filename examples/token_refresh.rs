//! A batch whose token expires twice on the way: 300 posts at once to an API on loopback that serves
//! a hundred with each token, and then says 401.
//!
//! `cargo run --example token_refresh`

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use embedded_api::{Answer, Api, posts, text, with_status};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self as client, Client};
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_throttle::retry::Refusal;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

type BoxError = Box<dyn Error + Send + Sync>;

const POSTS: usize = 300;
const POSTS_PER_TOKEN: usize = 100;

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    let issuer = Arc::new(Issuer::default());
    let login = Api::with_handler(10, {
        let issuer = Arc::clone(&issuer);
        move |_| Arc::clone(&issuer).issue()
    });
    let api = Api::with_handler(20, {
        let issuer = Arc::clone(&issuer);
        move |request| Arc::clone(&issuer).serve(request)
    });
    let (login, api) = (login.await?, api.await?);

    // These are the lines to copy, and `Tokens` below.
    let tokens = Arc::new(Tokens::fetch(login.url("/token")).await?);
    let renewed = Arc::clone(&tokens);
    let retries = RetryOn429Layer::new().on_refusal(
        move |refusal: Refusal<'_>, request: &Request<Full<Bytes>>| {
            if refusal.status() != StatusCode::UNAUTHORIZED {
                return None;
            }
            let (tokens, request) = (Arc::clone(&renewed), request.clone());
            Some(async move { tokens.renew().await.ok().map(|()| request) })
        },
    );
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let client = ServiceBuilder::new()
        .layer(retries)
        .layer(gate)
        .service_fn(move |request| Arc::clone(&tokens).send(request));

    let done = post_all(client, &api.url("/v1/posts")).await?;

    let (seen, gate) = (api.counts(), handle.snapshot());
    let (expired, issued) = (issuer.expired.load(Relaxed), issuer.issued.load(Relaxed));
    println!("posts    {done} of {POSTS} done");
    println!("tokens   {issued} fetched: the first, and one each time that it had expired");
    println!(
        "the API  answered 401 to {expired} and 429 to {}, worked on {} at most",
        seen.refused, seen.peak
    );
    println!(
        "the gate limit {}, in flight {}",
        gate.limit, gate.in_flight
    );
    let needed = POSTS.div_ceil(POSTS_PER_TOKEN);
    let well = done == POSTS && expired > 0 && issued == needed && gate.in_flight == 0;
    Ok(ExitCode::from(u8::from(!well)))
}

/// Sends all posts at once. Returns how many were done.
async fn post_all<S, B>(client: S, url: &str) -> Result<usize, BoxError>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Error + Send + Sync,
    B: Body<Data = Bytes> + Send,
    B::Error: Error + Send + Sync + 'static,
{
    let mut posts = JoinSet::new();
    for number in 0..POSTS {
        let client = client.clone();
        let request = Request::post(url);
        let request = request.body(Full::from(format!("post {number}")))?;
        posts.spawn(async move {
            let response = client.oneshot(request).await?;
            let status = response.status();
            response.into_body().collect().await?;
            Ok::<_, BoxError>(status)
        });
    }
    let mut done = 0;
    while let Some(post) = posts.join_next().await {
        match post? {
            Ok(status) if status.is_success() => done += 1,
            Ok(status) => eprintln!("a post was answered with {status}"),
            Err(error) => eprintln!("a post failed: {error}"),
        }
    }
    Ok(done)
}

/// The token of the moment.
///
/// It is put into a request below the gate, when the request's turn has come: one that carries a token
/// through the line may find it expired at the end. The tokens themselves are fetched past the gate,
/// as its permits are with those who wait for them.
struct Tokens {
    http: Client<HttpConnector, Full<Bytes>>,
    login: String,
    current: tokio::sync::Mutex<Current>,
}

struct Current {
    token: HeaderValue,
    expired: bool,
}

impl Tokens {
    async fn fetch(login: String) -> Result<Self, BoxError> {
        let http = Client::builder(TokioExecutor::new()).build_http();
        let token = fetch(&http, &login).await?;
        let current = Current {
            token,
            expired: false,
        };
        Ok(Self {
            http,
            login,
            current: current.into(),
        })
    }

    /// Sends a request with the token, and notes whether it has expired.
    async fn send(
        self: Arc<Self>,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, client::Error> {
        let token = self.current.lock().await.token.clone();
        request.headers_mut().insert(AUTHORIZATION, token.clone());
        let response = self.http.request(request).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let mut current = self.current.lock().await;
            current.expired |= current.token == token;
        }
        Ok(response)
    }

    /// All that were in flight come here at once. The first fetches a new token under the lock, and the
    /// others find it done.
    async fn renew(&self) -> Result<(), BoxError> {
        let mut current = self.current.lock().await;
        if current.expired {
            let token = fetch(&self.http, &self.login).await?;
            *current = Current {
                token,
                expired: false,
            };
        }
        Ok(())
    }
}

async fn fetch(
    http: &Client<HttpConnector, Full<Bytes>>,
    login: &str,
) -> Result<HeaderValue, BoxError> {
    let response = http.get(login.parse()?).await?;
    if !response.status().is_success() {
        return Err(format!("no token: {}", response.status()).into());
    }
    let token = response.into_body().collect().await?.to_bytes();
    Ok(HeaderValue::from_maybe_shared(token)?)
}

/// Gives tokens out, and knows which one is good for how many posts.
#[derive(Default)]
struct Issuer {
    valid: Mutex<Valid>,
    issued: AtomicUsize,
    expired: AtomicUsize,
}

#[derive(Default)]
struct Valid {
    token: String,
    posts: usize,
}

impl Issuer {
    async fn issue(self: Arc<Self>) -> Answer {
        sleep(Duration::from_millis(50)).await;
        let token = format!("Bearer {}", self.issued.fetch_add(1, Relaxed));
        let mut valid = self.valid.lock().expect("nobody panics");
        *valid = Valid {
            token: token.clone(),
            posts: POSTS_PER_TOKEN,
        };
        text(token)
    }

    async fn serve(self: Arc<Self>, request: Request<Bytes>) -> Answer {
        if self.accepts(request.headers().get(AUTHORIZATION)) {
            return posts(request).await;
        }
        self.expired.fetch_add(1, Relaxed);
        with_status(
            StatusCode::UNAUTHORIZED,
            text(r#"{"error":"the token has expired"}"#),
        )
    }

    fn accepts(&self, token: Option<&HeaderValue>) -> bool {
        let mut valid = self.valid.lock().expect("nobody panics");
        let good = token.is_some_and(|token| *token == valid.token) && valid.posts > 0;
        valid.posts -= usize::from(good);
        good
    }
}
