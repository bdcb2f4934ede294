//! The clients that are compared, all over the same hyper-util client.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Request, Response, StatusCode, header::RETRY_AFTER};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::Sleep;
use tower::ServiceBuilder;
use tower::retry::Policy;
use tower::retry::backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff};
use tower::util::rng::Rng;
use tower_throttle::concurrency::Handle;
use tower_throttle::cost::FromExtensions;
use tower_throttle::observe::Timeline;
use tower_throttle::retry::Attempts;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::args::ClientKind;
use crate::connect::Connector;
use crate::learnt::Earlier;
use crate::posts::Posts;
use crate::run::{Desk, all_at_once, workers};
use crate::wire::{Wire, WireCounts};

/// What tower's client lets out at once: a round number, as one would pick it.
const TOWER_LIMIT: usize = 50;

/// How often tower's client sends a post.
const TOWER_ATTEMPTS: u32 = 10;

/// A client at work.
pub(crate) struct Running {
    /// Ends when every post is done, or after a stop when nothing is in flight.
    pub(crate) work: Pin<Box<dyn Future<Output = ()> + Send>>,
    pub(crate) wire: Arc<WireCounts>,
    pub(crate) limit: LimitView,
}

/// How many requests a client lets out at once.
pub(crate) enum LimitView {
    None,
    Fixed(usize),
    Adaptive(Handle),
}

impl LimitView {
    /// The limit now.
    pub(crate) fn limit(&self) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Fixed(limit) => Some(*limit),
            Self::Adaptive(handle) => Some(handle.limit()),
        }
    }

    /// The requests per second that are kept to.
    pub(crate) fn pace(&self) -> Option<f64> {
        match self {
            Self::None | Self::Fixed(_) => None,
            Self::Adaptive(handle) => handle.rate(),
        }
    }

    /// The gate, if there is one.
    pub(crate) fn gate(&self) -> Option<&Handle> {
        match self {
            Self::None | Self::Fixed(_) => None,
            Self::Adaptive(handle) => Some(handle),
        }
    }

    /// What is left of a pause.
    pub(crate) fn paused(&self) -> Option<Duration> {
        match self {
            Self::None | Self::Fixed(_) => None,
            Self::Adaptive(handle) => handle.pause_remaining(),
        }
    }
}

/// What is asked of a client.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) kind: ClientKind,
    pub(crate) connector: Connector,
    /// The bound of an attempt.
    pub(crate) timeout: Option<Duration>,
    /// How long to wait for an API that serves nobody, or asks for it.
    pub(crate) patience: Option<Duration>,
    /// Whether the API gives back the tokens that a request did not take.
    pub(crate) settles: bool,
    /// Whether it is told what the layers do.
    pub(crate) explain: bool,
    /// What an earlier run has learned.
    pub(crate) earlier: Option<Arc<Earlier>>,
}

/// Makes a client and hands it the posts. The timeline is told what the layers do.
pub(crate) fn start(
    choice: Choice,
    posts: Posts,
    desk: Desk,
    timeline: Option<Timeline>,
) -> Running {
    let client = Client::builder(TokioExecutor::new());
    let client = client.build::<_, Full<Bytes>>(choice.connector);
    let client = Wire::new(client, choice.timeout);
    let wire = client.counts();
    let (work, limit): (Pin<Box<dyn Future<Output = ()> + Send>>, _) = match choice.kind {
        ClientKind::Naive => (Box::pin(all_at_once(client, posts, desk)), LimitView::None),
        ClientKind::Sequential => (
            Box::pin(workers(1, client, posts, desk)),
            LimitView::Fixed(1),
        ),
        ClientKind::Queue => (
            Box::pin(workers(5, client, posts, desk)),
            LimitView::Fixed(5),
        ),
        ClientKind::Tower => {
            let stack = ServiceBuilder::new()
                .retry(Patient::default())
                .concurrency_limit(TOWER_LIMIT)
                .service(client);
            (
                Box::pin(all_at_once(stack, posts, desk)),
                LimitView::Fixed(TOWER_LIMIT),
            )
        }
        ClientKind::Throttle => {
            let mut retries = RetryOn429Layer::new();
            // Only with --tokens has a request a cost in its extensions.
            let mut gate = AdaptiveConcurrencyLayer::new().cost(FromExtensions);
            if let Some(patience) = choice.patience {
                retries = retries.max_attempts(u32::MAX).max_server_wait(patience);
                retries = retries.max_outage(patience);
                gate = gate.max_pause(patience);
            }
            if let Some(timeline) = timeline {
                retries = retries.observe(timeline.clone());
                gate = gate.observe(timeline);
            }
            let gate = gate.resume(choice.earlier.and_then(|earlier| earlier.learnt()));
            let handle = gate.handle();
            let stack = ServiceBuilder::new()
                .layer(retries)
                .layer(gate)
                .service(client);
            (
                Box::pin(all_at_once(stack, posts, desk)),
                LimitView::Adaptive(handle),
            )
        }
    };
    Running { work, wire, limit }
}

/// How often an answer's post was sent, whichever client sent it.
pub(crate) fn attempts(extensions: &Extensions) -> u32 {
    match extensions.get::<Tries>() {
        Some(tries) => tries.0,
        None => Attempts::of(extensions).get(),
    }
}

/// The retry policy of the tower client, as a careful user writes it: refusals only, the server's
/// Retry-After first, else exponential backoff with jitter, and an end to it.
#[derive(Clone)]
struct Patient {
    tries: u32,
    backoff: ExponentialBackoff<OwnStream>,
}

/// Random numbers that differ between requests. tower's own source is cloned with the policy, so
/// that all requests would wait the same times and come back together.
#[derive(Clone, Copy)]
struct OwnStream;

impl Rng for OwnStream {
    fn next_u64(&mut self) -> u64 {
        fastrand::u64(..)
    }
}

/// Left in the answer by [`Patient`].
#[derive(Clone, Copy)]
struct Tries(u32);

impl Default for Patient {
    fn default() -> Self {
        let (base, max) = (Duration::from_millis(500), Duration::from_secs(30));
        let backoff = ExponentialBackoffMaker::new(base, max, 0.99, OwnStream);
        Self {
            tries: 0,
            backoff: backoff
                .expect("the base is below the maximum")
                .make_backoff(),
        }
    }
}

impl<B, R, E> Policy<Request<B>, Response<R>, E> for Patient
where
    B: Clone,
{
    type Future = Sleep;

    fn retry(&mut self, _: &mut Request<B>, result: &mut Result<Response<R>, E>) -> Option<Sleep> {
        self.tries += 1;
        let response = result.as_mut().ok()?;
        response.extensions_mut().insert(Tries(self.tries));
        let refused = matches!(
            response.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        if !refused || self.tries == TOWER_ATTEMPTS {
            return None;
        }
        let told = response.headers().get(RETRY_AFTER);
        let told = told.and_then(|value| value.to_str().ok()?.parse().ok());
        match told {
            Some(seconds @ 0..=120) => Some(tokio::time::sleep(Duration::from_secs(seconds))),
            Some(_) => None,
            None => Some(self.backoff.next_backoff()),
        }
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}
