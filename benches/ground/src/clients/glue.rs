//! What a careful user writes around a rival: refusals are told to it as failures, and retried
//! with full jitter, not before the server's `Retry-After`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use sim::server::{Body, Server};
use sim::work::Job;
use tower::retry::Policy;
use tower::{BoxError, Service};
use tower_resilience_adaptive::AdaptiveError;

pub(super) type Req = Request<Full<Bytes>>;
pub(super) type Resp = Response<Body>;

/// Retries after the first attempt: as many as this crate's own default allows.
const RETRIES: u32 = 31;

/// A refusal as an error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) retry_after: Option<Duration>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

/// Whether an answer is a refusal, and when the server would be asked again.
pub(super) fn refused<B>(response: &Response<B>) -> Option<Refused> {
    let refusal = matches!(response.status().as_u16(), 408 | 429 | 503 | 529);
    let seconds = || {
        response
            .headers()
            .get("retry-after")?
            .to_str()
            .ok()?
            .parse()
            .ok()
    };
    refusal.then(|| Refused {
        retry_after: seconds().map(Duration::from_secs_f64),
    })
}

/// Exponential backoff with full jitter, or the server's wait where that is longer.
pub(super) fn delay(refused: Refused, retry: u32, base: f64, most: f64) -> Duration {
    let ceiling = (base * 2f64.powi(retry.min(30) as i32)).min(most);
    let jittered = Duration::from_secs_f64(ceiling * fastrand::f64());
    refused
        .retry_after
        .map_or(jittered, |wait| wait + jittered.min(wait / 10))
}

/// A copy to send again.
pub(super) fn copy(request: &Req) -> Req {
    let mut copy = Request::new(request.body().clone());
    if let Some(job) = request.extensions().get::<Job>() {
        copy.extensions_mut().insert(*job);
    }
    copy
}

/// The API, with refusals as errors.
#[derive(Clone, Debug)]
pub(super) struct Telling(pub(super) Server);

impl Service<Req> for Telling {
    type Response = Resp;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Resp, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let response = answer.await?;
            refused(&response).map_or(Ok(response), |refused| Err(refused.into()))
        })
    }
}

/// Finds the refusal in what a rival made of it.
pub(super) trait Tells {
    fn refused(&self) -> Option<Refused>;
}

impl Tells for BoxError {
    fn refused(&self) -> Option<Refused> {
        self.downcast_ref().copied()
    }
}

impl<E: Tells> Tells for AdaptiveError<E> {
    fn refused(&self) -> Option<Refused> {
        match self {
            Self::Service(error) => error.refused(),
            Self::LimitReached => None,
        }
    }
}

/// A retry policy for tower's `Retry`.
#[derive(Clone, Debug, Default)]
pub(super) struct Careful {
    retries: u32,
}

impl<E: Tells> Policy<Req, Resp, E> for Careful {
    type Future = tokio::time::Sleep;

    fn retry(&mut self, _: &mut Req, result: &mut Result<Resp, E>) -> Option<Self::Future> {
        let refused = result.as_ref().err()?.refused()?;
        if self.retries == RETRIES {
            return None;
        }
        let delay = delay(refused, self.retries, 0.5, 30.0);
        self.retries += 1;
        Some(tokio::time::sleep(delay))
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(copy(request))
    }
}

/// The head of an answer that was read to its end, for clients that work without tower.
pub(super) async fn ask(server: &Server, request: &Req) -> Response<()> {
    let mut server = server.clone();
    let (head, body) = match server.call(copy(request)).await {
        Ok(response) => response.into_parts(),
        Err(never) => match never {},
    };
    match body.collect().await {
        Ok(_) => Response::from_parts(head, ()),
        Err(never) => match never {},
    }
}

/// A status for those that are done.
pub(super) fn status<B>(response: &Response<B>) -> Option<StatusCode> {
    Some(response.status())
}
