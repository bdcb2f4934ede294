//! hyper-util's client with both layers, as it is and with every retry switched on.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::timeout::TimeoutLayer;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_throttle::concurrency::Handle;
use tower_throttle::retry::{Head, Preset, retry_errors, retry_server_errors};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::server::Version;

type Stack =
    BoxCloneSyncService<Request<Full<Bytes>>, Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError>;

/// What is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    Defaults,
    /// Every error if the request may be repeated, what was not processed in any case, and 5xx.
    OptIns,
}

/// What one caller came to see.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    /// Its own answer, whole.
    Served,
    /// A beginning of its own answer, with nothing wrong as far as a client can tell.
    Truncated,
    /// A refusal.
    Refused,
    /// An error instead of an answer.
    Error,
    /// An answer's head, then an error in its body.
    BodyError,
    /// Nothing, or not all of it, for as long as it was patient.
    TimedOut,
    /// Another answer.
    Wrong(String),
}

/// A client of one server.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    stack: Stack,
    address: SocketAddr,
    pub(crate) handle: Handle,
}

impl Client {
    /// With a bound on the time of each attempt if one is given.
    pub(crate) fn new(
        address: SocketAddr,
        version: Version,
        setup: Setup,
        attempt: Option<Duration>,
    ) -> Self {
        Self::with_retries(RetryOn429Layer::new(), address, version, setup, attempt)
    }

    pub(crate) fn with_retries(
        retry: RetryOn429Layer,
        address: SocketAddr,
        version: Version,
        setup: Setup,
        attempt: Option<Duration>,
    ) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = legacy::Client::builder(TokioExecutor::new())
            .http2_only(version == Version::Http2)
            .build::<_, Full<Bytes>>(connector);
        let gate = AdaptiveConcurrencyLayer::new();
        let handle = gate.handle();
        let gated = ServiceBuilder::new()
            .layer(gate)
            .option_layer(attempt.map(TimeoutLayer::new))
            .map_err(BoxError::from)
            .service(client);
        let every = |_: &BoxError| true;
        let preset = |result: Result<Head<'_>, &BoxError>| {
            Preset::idempotent_failures().decide(result.map_err(|error| &**error as _))
        };
        let stack = match setup {
            Setup::Defaults => boxed(ServiceBuilder::new().layer(retry).service(gated)),
            Setup::OptIns => {
                let retry = retry.classify((preset, (retry_server_errors(), retry_errors(every))));
                boxed(ServiceBuilder::new().layer(retry).service(gated))
            }
        };
        Self {
            stack,
            address,
            handle,
        }
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn send(&self, id: u32, method: Method) -> Seen {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}/{id}", self.address))
            .body(Full::from("hello"))
            .unwrap();
        let response = match self.stack.clone().oneshot(request).await {
            Ok(response) => response,
            Err(_) => return Seen::Error,
        };
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Seen::Refused;
        }
        let Ok(body) = response.into_body().collect().await else {
            return Seen::BodyError;
        };
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        match id.to_string() {
            own if status == StatusCode::OK && own == body => Seen::Served,
            own if status == StatusCode::OK && own.starts_with(&body) => Seen::Truncated,
            _ => Seen::Wrong(format!("{status} {body}")),
        }
    }

    /// The same, given up after so long.
    pub(crate) async fn send_within(&self, patience: Duration, id: u32, method: Method) -> Seen {
        let answer = tokio::time::timeout(patience, self.send(id, method)).await;
        answer.unwrap_or(Seen::TimedOut)
    }

    /// Fails unless every permit is home and nobody waits.
    pub(crate) fn assert_at_rest(&self) {
        let now = self.handle.snapshot();
        assert_eq!((now.in_flight, now.waiting), (0, 0), "{now:?}");
    }
}

fn boxed<S, B>(stack: S) -> Stack
where
    S: tower::Service<Request<Full<Bytes>>, Response = Response<B>, Error = BoxError>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    BoxCloneSyncService::new(stack.map_response(|response: Response<B>| {
        response.map(|body| body.map_err(Into::into).boxed_unsync())
    }))
}
