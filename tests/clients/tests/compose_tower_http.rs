//! Both layers beside tower-http's, above and below, as `tower_throttle::guide` speaks of them.

mod support;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, LOCATION};
use http::{HeaderMap, Request, Response, Version};
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use support::*;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_http::auth::AddAuthorizationLayer;
use tower_http::decompression::DecompressionLayer;
use tower_http::follow_redirect::FollowRedirectLayer;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::trace::TraceLayer;
use tower_throttle::concurrency::Handle;
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::retry::Attempts;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

over_both_versions!(the_whole_stack_around_a_client);

type Body = Full<Bytes>;

fn gate(limit: usize) -> (AdaptiveConcurrencyLayer, Handle) {
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(limit));
    let handle = gate.handle();
    (gate, handle)
}

/// A server that gives these answers, then 200s, and keeps what it was sent.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<VecDeque<Response<Body>>>>,
    seen: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

impl Server {
    fn of(answers: impl IntoIterator<Item = Response<Body>>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            ..Self::default()
        }
    }

    fn service(
        &self,
    ) -> impl Service<
        Request<Body>,
        Response = Response<Body>,
        Error = Infallible,
        Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send + use<>,
    > + Clone
    + Send
    + use<> {
        let server = self.clone();
        tower::service_fn(move |request: Request<Body>| {
            let seen = (request.uri().path().to_owned(), request.headers().clone());
            server.seen.lock().unwrap().push(seen);
            let answer = server.answers.lock().unwrap().pop_front();
            std::future::ready(Ok(answer.unwrap_or_else(|| answered(200, "done"))))
        })
    }

    fn paths(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(path, _)| path.clone()).collect()
    }

    fn headers(&self) -> Vec<HeaderMap> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(_, headers)| headers.clone()).collect()
    }
}

fn answered(status: u16, body: impl Into<Bytes>) -> Response<Body> {
    let answer = Response::builder().status(status);
    answer.body(Full::new(body.into())).unwrap()
}

fn two_refusals() -> Server {
    Server::of([answered(429, "no"), answered(429, "no")])
}

fn get(path: &str) -> Request<Body> {
    let request = Request::get(format!("http://api.test{path}"));
    request.body(Full::default()).unwrap()
}

async fn text<B>(response: Response<B>) -> Bytes
where
    B: http_body::Body<Error: std::fmt::Debug>,
{
    response.into_body().collect().await.unwrap().to_bytes()
}

/// How often a trace is begun, and how often it sees an answer.
#[derive(Clone, Default)]
struct Spans {
    requests: Arc<AtomicUsize>,
    responses: Arc<Mutex<Vec<u16>>>,
}

macro_rules! traced {
    ($spans:expr) => {{
        let Spans {
            requests,
            responses,
        } = $spans.clone();
        TraceLayer::new_for_http()
            .on_request(move |_: &Request<Body>, _: &tracing::Span| {
                requests.fetch_add(1, SeqCst);
            })
            .on_response(
                move |response: &Response<_>, _: Duration, _: &tracing::Span| {
                    responses.lock().unwrap().push(response.status().as_u16());
                },
            )
    }};
}

#[tokio::test(start_paused = true)]
async fn a_trace_above_is_one_of_the_request() {
    let (spans, (gate, _)) = (Spans::default(), gate(1));
    let client = ServiceBuilder::new()
        .layer(traced!(spans))
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .service(two_refusals().service());
    assert_eq!(text(client.oneshot(get("/")).await.unwrap()).await, "done");
    assert_eq!(spans.requests.load(SeqCst), 1);
    assert_eq!(*spans.responses.lock().unwrap(), [200]);
}

#[tokio::test(start_paused = true)]
async fn a_trace_below_is_one_of_each_attempt() {
    let (spans, (gate, handle)) = (Spans::default(), gate(1));
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .layer(traced!(spans))
        .service(two_refusals().service());
    assert_eq!(text(client.oneshot(get("/")).await.unwrap()).await, "done");
    assert_eq!(spans.requests.load(SeqCst), 3);
    assert_eq!(*spans.responses.lock().unwrap(), [429, 429, 200]);
    assert_eq!((handle.refused(), handle.in_flight()), (2, 0));
}

/// Looks at a request on its way, for whether its key would be shown.
macro_rules! shown {
    ($shown:expr) => {{
        let shown = Arc::clone(&$shown);
        move |request: Request<Body>| {
            let sensitive = request.headers()[AUTHORIZATION].is_sensitive();
            shown.fetch_add(usize::from(!sensitive), SeqCst);
            request
        }
    }};
}

fn with_key() -> Request<Body> {
    let mut request = get("/");
    let key = "Bearer key".parse().unwrap();
    request.headers_mut().insert(AUTHORIZATION, key);
    request
}

#[tokio::test(start_paused = true)]
async fn a_header_marked_above_is_marked_in_each_attempt() {
    let shown = Arc::new(AtomicUsize::new(0));
    let (server, (gate, _)) = (two_refusals(), gate(1));
    let client = ServiceBuilder::new()
        .layer(SetSensitiveRequestHeadersLayer::new([AUTHORIZATION]))
        .layer(RetryOn429Layer::new())
        .map_request(shown!(shown))
        .layer(gate)
        .service(server.service());
    client.oneshot(with_key()).await.unwrap();
    assert_eq!(server.headers().len(), 3);
    assert!(
        server
            .headers()
            .iter()
            .all(|seen| seen[AUTHORIZATION].is_sensitive())
    );
    assert_eq!(shown.load(SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_header_marked_below_is_shown_above() {
    let shown = Arc::new(AtomicUsize::new(0));
    let (server, (gate, _)) = (two_refusals(), gate(1));
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .map_request(shown!(shown))
        .layer(gate)
        .layer(SetSensitiveRequestHeadersLayer::new([AUTHORIZATION]))
        .service(server.service());
    client.oneshot(with_key()).await.unwrap();
    assert!(
        server
            .headers()
            .iter()
            .all(|seen| seen[AUTHORIZATION].is_sensitive())
    );
    assert_eq!(shown.load(SeqCst), 3, "once in each attempt");
}

#[tokio::test(start_paused = true)]
async fn authorization_added_above_or_below_is_in_each_attempt() {
    let (above, below) = (two_refusals(), two_refusals());
    let client = ServiceBuilder::new()
        .layer(AddAuthorizationLayer::bearer("key"))
        .layer(RetryOn429Layer::new())
        .layer(gate(1).0)
        .service(above.service());
    client.oneshot(get("/")).await.unwrap();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(gate(1).0)
        .layer(AddAuthorizationLayer::bearer("key"))
        .service(below.service());
    client.oneshot(get("/")).await.unwrap();
    for server in [above, below] {
        assert_eq!(server.headers().len(), 3);
        assert!(
            server
                .headers()
                .iter()
                .all(|seen| seen[AUTHORIZATION] == "Bearer key")
        );
    }
}

fn gzipped(status: u16, body: &str) -> Response<Body> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body.as_bytes()).unwrap();
    let mut answer = answered(status, encoder.finish().unwrap());
    let gzip = "gzip".parse().unwrap();
    answer.headers_mut().insert(CONTENT_ENCODING, gzip);
    answer
}

/// A refusal for good, by what its body says, and then an answer.
fn used_up() -> Server {
    Server::of([
        gzipped(429, r#"{"error":{"code":"insufficient_quota"}}"#),
        gzipped(200, "done"),
    ])
}

#[tokio::test(start_paused = true)]
async fn decompression_below_lets_the_retry_read_a_refusal() {
    let (server, (gate, handle)) = (used_up(), gate(1));
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .layer(DecompressionLayer::new())
        .service(server.service());
    let response = client.clone().oneshot(get("/")).await.unwrap();
    assert_eq!(
        Attempts::of(response.extensions()).get(),
        1,
        "it is for good"
    );
    assert!(text(response).await.ends_with(b"insufficient_quota\"}}"));
    let response = client.oneshot(get("/")).await.unwrap();
    assert_eq!(handle.in_flight(), 1);
    assert_eq!(text(response).await, "done");
    assert_eq!(handle.in_flight(), 0);
    assert_eq!(server.headers()[0]["accept-encoding"], "gzip");
}

/// The same answer, which holds its permit to the end of its body.
fn of_unknown_length(answer: Response<Body>) -> Response<StreamBody<BodyStream<Body>>> {
    answer.map(|body| StreamBody::new(BodyStream::new(body)))
}

#[tokio::test(start_paused = true)]
async fn decompression_above_hides_from_the_retry_what_a_refusal_says() {
    let (server, (gate, handle)) = (used_up(), gate(1));
    let client = ServiceBuilder::new()
        .layer(DecompressionLayer::new())
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .map_response(of_unknown_length)
        .service(server.service());
    let response = client.oneshot(get("/")).await.unwrap();
    assert_eq!(
        Attempts::of(response.extensions()).get(),
        2,
        "in vain, had it not changed"
    );
    assert_eq!(handle.in_flight(), 1);
    assert_eq!(text(response).await, "done");
    assert_eq!(handle.in_flight(), 0);
}

/// From `/old` to `/new`, which is refused once.
fn moved() -> Server {
    let redirect = || {
        let mut answer = answered(302, "moved");
        answer
            .headers_mut()
            .insert(LOCATION, "/new".parse().unwrap());
        answer
    };
    Server::of([
        redirect(),
        answered(429, "no"),
        // Not asked for if each hop is retried for itself.
        redirect(),
    ])
}

#[tokio::test(start_paused = true)]
async fn redirects_followed_above_are_requests_of_their_own() {
    let (server, (gate, handle)) = (moved(), gate(1));
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .service(server.service());
    server.answers.lock().unwrap().pop_back();
    let response = client.oneshot(get("/old")).await.unwrap();
    assert_eq!(text(response).await, "done");
    assert_eq!(server.paths(), ["/old", "/new", "/new"]);
    assert_eq!((handle.accepted(), handle.refused()), (2, 1));
    assert_eq!(handle.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn redirects_followed_below_are_one_attempt() {
    let (server, (gate, handle)) = (moved(), gate(1));
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .layer(FollowRedirectLayer::new())
        .service(server.service());
    let response = client.oneshot(get("/old")).await.unwrap();
    assert_eq!(text(response).await, "done");
    assert_eq!(server.paths(), ["/old", "/new", "/old", "/new"]);
    assert_eq!((handle.accepted(), handle.refused()), (1, 1));
    assert_eq!(handle.in_flight(), 0);
}

/// The order that the guide recommends.
async fn the_whole_stack_around_a_client(version: Version) {
    let api = api().await;
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let (whole, attempts) = (Spans::default(), Spans::default());
    let client = ServiceBuilder::new()
        .timeout(Duration::from_secs(60))
        .buffer(1000)
        .layer(SetSensitiveRequestHeadersLayer::new([AUTHORIZATION]))
        .layer(traced!(whole))
        .layer(FollowRedirectLayer::new())
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .layer(traced!(attempts))
        .layer(AddAuthorizationLayer::bearer("key").as_sensitive(true))
        .layer(DecompressionLayer::new())
        .service(hyper_client(version));
    none_is_lost(&api, &handle, version, |job| {
        let request = Request::post(api.url("/v1/posts"));
        let request = request.body(Full::from(format!("post {job}"))).unwrap();
        let response = client.clone().oneshot(request);
        async move {
            let response = response.await.unwrap();
            let version = response.version();
            assert_eq!(text(response).await, r#"{"words":2}"#);
            version
        }
    })
    .await;
    assert_eq!(whole.requests.load(SeqCst), 200);
    let refused = usize::try_from(handle.refused()).unwrap();
    assert_eq!(attempts.requests.load(SeqCst), 200 + refused);
}
