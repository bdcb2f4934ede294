//! The innermost service: counts what really goes over the wire, the same way for every client.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

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

/// Found in a response's extensions: when the attempt it answers was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SentAt(pub(crate) Instant);

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
    pub(crate) fn new(inner: S) -> Self {
        Self {
            inner,
            counts: Arc::default(),
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
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let ticket = request.extensions().get::<Ticket>().cloned();
        let attempt = Attempt::start(Arc::clone(&self.counts), ticket);
        let sent = SentAt(Instant::now());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
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
