//! The innermost service: counts what really goes over the wire, and bounds it, the same way for every client.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::Service;

/// Counts the attempts that go through a service.
#[derive(Debug, Clone)]
pub(crate) struct Wire<S> {
    inner: S,
    counts: Arc<WireCounts>,
    timeout: Option<Duration>,
}

/// Why an attempt has no answer.
#[derive(Debug)]
pub(crate) enum WireError<E> {
    TimedOut(Duration),
    Client(E),
}

impl<E: Error> fmt::Display for WireError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(timeout) => write!(f, "timed out after {timeout:?}"),
            Self::Client(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl<E: Error + 'static> Error for WireError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TimedOut(_) => None,
            Self::Client(error) => error.source(),
        }
    }
}

/// What went over the wire.
#[derive(Debug, Default)]
pub(crate) struct WireCounts {
    refused: AtomicU64,
    in_flight: AtomicU64,
    peak: AtomicU64,
}

impl WireCounts {
    /// Answers with status 429.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Attempts whose answer is not read to its end.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// The most attempts in flight at once.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Relaxed)
    }
}

/// Put into a request's extensions, it tells whether an attempt of it is in flight.
#[derive(Debug, Clone)]
pub(crate) struct Ticket(watch::Sender<bool>);

impl Ticket {
    pub(crate) fn new() -> (Self, watch::Receiver<bool>) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), receiver)
    }
}

/// Found in a response's extensions: when the attempt it answers was sent, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) timeout: Option<Duration>,
}

/// One attempt in flight. It travels in the response's extensions until the body is read.
#[derive(Debug)]
struct Attempt {
    counts: Arc<WireCounts>,
    ticket: Option<Ticket>,
}

impl Attempt {
    fn start(counts: Arc<WireCounts>, ticket: Option<Ticket>) -> Self {
        let in_flight = counts.in_flight.fetch_add(1, Relaxed) + 1;
        counts.peak.fetch_max(in_flight, Relaxed);
        if let Some(Ticket(sender)) = &ticket {
            sender.send_replace(true);
        }
        Self { counts, ticket }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.counts.in_flight.fetch_sub(1, Relaxed);
        if let Some(Ticket(sender)) = &self.ticket {
            sender.send_replace(false);
        }
    }
}

impl<S> Wire<S> {
    /// Counts what goes through `inner`, and gives up an attempt whose answer does not begin in time.
    pub(crate) fn new(inner: S, timeout: Option<Duration>) -> Self {
        Self {
            inner,
            counts: Arc::default(),
            timeout,
        }
    }

    pub(crate) fn counts(&self) -> Arc<WireCounts> {
        Arc::clone(&self.counts)
    }
}

impl<S, B> Service<Request<Full<Bytes>>> for Wire<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Response<B>;
    type Error = WireError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(WireError::Client)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let ticket = request.extensions().get::<Ticket>().cloned();
        let attempt = Attempt::start(Arc::clone(&self.counts), ticket);
        let sent = Sent {
            at: Instant::now(),
            timeout: self.timeout,
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answered = match sent.timeout {
                None => answer.await,
                Some(timeout) => tokio::time::timeout(timeout, answer)
                    .await
                    .map_err(|_| WireError::TimedOut(timeout))?,
            };
            let mut response = answered.map_err(WireError::Client)?;
            response.extensions_mut().insert(sent);
            if response.status() == StatusCode::TOO_MANY_REQUESTS {
                attempt.counts.refused.fetch_add(1, Relaxed);
            } else {
                response.extensions_mut().insert(Arc::new(attempt));
            }
            Ok(response)
        })
    }
}
