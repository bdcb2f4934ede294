//! What the tests of the gate have in common.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::Full;
use tokio_test::task::{self, Spawn};
use tokio_test::{assert_pending, assert_ready_ok};
use tower::{BoxError, Layer, Service};
use tower_test::mock;
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer};

pub(crate) type Mock = mock::Mock<Request<()>, Response<Body>>;
pub(crate) type Handle = mock::Handle<Request<()>, Response<Body>>;
pub(crate) type Gated = AdaptiveConcurrency<Mock>;

/// A body of unknown length, which holds its permit until it ends.
#[derive(Clone, Debug)]
pub(crate) struct Body(Full<Bytes>);

impl Body {
    pub(crate) fn new(data: &'static str) -> Self {
        Self(Full::new(Bytes::from_static(data.as_bytes())))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}

pub(crate) fn fixed(limit: usize) -> AdaptiveConcurrencyLayer {
    AdaptiveConcurrencyLayer::with_limit(Fixed::new(limit))
}

/// A mock behind a layer.
pub(crate) fn gated(layer: &AdaptiveConcurrencyLayer) -> (Gated, Handle) {
    let (service, handle) = mock::pair();
    (layer.layer(service), handle)
}

/// A service's readiness, as a task of its own that can be polled by hand.
pub(crate) fn ready<S>(mut service: S) -> Spawn<impl Future<Output = Result<S, S::Error>>>
where
    S: Service<Request<()>>,
{
    task::spawn(async move {
        std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
        Ok(service)
    })
}

/// One that has the only permit, those who wait for it, in line, and the server.
pub(crate) fn held<const N: usize>(
    layer: &AdaptiveConcurrencyLayer,
) -> (
    Gated,
    [Spawn<impl Future<Output = Result<Gated, BoxError>> + use<N>>; N],
    Handle,
) {
    let (service, server) = gated(layer);
    let mut waiting = [(); N].map(|()| ready(service.clone()));
    let holder = assert_ready_ok!(ready(service).poll());
    for waiter in &mut waiting {
        assert_pending!(waiter.poll());
    }
    (holder, waiting, server)
}

pub(crate) fn answer(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::new("some body"));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

pub(crate) fn refusal(retry_after: &str) -> Response<Body> {
    let mut response = answer(429);
    response
        .headers_mut()
        .insert("retry-after", retry_after.parse().unwrap());
    response
}

/// A server that takes `latency` for each request and serves them all.
pub(crate) fn server(
    latency: Duration,
) -> impl Service<
    Request<()>,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
> + Clone
+ Send
+ 'static {
    tower::service_fn(move |_: Request<()>| async move {
        tokio::time::sleep(latency).await;
        Ok(answer(200))
    })
}

/// Lets everybody run who can.
pub(crate) async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
