//! The response future.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use http::{HeaderMap, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::{GuardedBody, ReleaseAt};
use super::classify::{Classified, Classifier};
use super::gate::Permit;
use super::limit::Outcome;
use crate::hint::Hint;
use crate::message::{HttpResponse, WithBody};

pin_project! {
    /// The future of [`AdaptiveConcurrency`](super::AdaptiveConcurrency).
    ///
    /// Holds the request's permit until it resolves, and then hands it to the answer's body or
    /// returns it. Dropped before, it returns the permit, and the request counts as neither accepted
    /// nor refused.
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        permit: Permit,
        release_at: ReleaseAt,
        classifier: Classifier,
    }
}

impl<F> ResponseFuture<F> {
    #[inline]
    pub(super) fn new(
        inner: F,
        permit: Permit,
        release_at: ReleaseAt,
        classifier: Classifier,
    ) -> Self {
        Self {
            inner,
            permit,
            release_at,
            classifier,
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("permit", &self.permit)
            .finish_non_exhaustive()
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: WithBody<GuardedBody<<R as HttpResponse>::Body>>,
{
    type Output = Result<R::Output, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        Poll::Ready(match result {
            Ok(response) => Ok(admit(
                response,
                this.permit,
                *this.release_at,
                this.classifier,
            )),
            Err(error) => {
                this.permit.finish(Outcome::Failed);
                Err(error)
            }
        })
    }
}

/// Tells the gate of an answer, and has the body hold the slot if work is still being done.
#[inline]
fn admit<R>(
    response: R,
    permit: &mut Permit,
    release_at: ReleaseAt,
    classifier: &Classifier,
) -> R::Output
where
    R: WithBody<GuardedBody<<R as HttpResponse>::Body>>,
{
    let status = response.status();
    let hint = read(status, response.headers());
    let classified = classifier.classify(status, response.headers(), &hint);
    if classified == Classified::Refused || !hint.is_empty() {
        return admit_marked(response, permit, release_at, classified, hint);
    }
    let outcome = classified.outcome(status, &hint);
    response.map_body(|body| guard(body, permit, release_at, outcome))
}

/// The same for an answer that says something of limits, which is passed on with what it said.
#[cold]
fn admit_marked<R>(
    response: R,
    permit: &mut Permit,
    release_at: ReleaseAt,
    classified: Classified,
    hint: Hint,
) -> R::Output
where
    R: WithBody<GuardedBody<<R as HttpResponse>::Body>>,
{
    let (mut parts, body) = response.into_parts();
    if classified == Classified::Refused {
        permit
            .governor()
            .map(|governor| parts.extensions.insert(governor));
    }
    let outcome = classified.outcome(parts.status, &hint);
    let body = guard(body, permit, release_at, outcome);
    parts.extensions.insert(hint);
    R::from_parts(parts, body)
}

#[inline]
fn guard<B: Body>(
    body: B,
    permit: &mut Permit,
    release_at: ReleaseAt,
    outcome: Outcome<'_>,
) -> GuardedBody<B> {
    let refused = matches!(outcome, Outcome::Refused { .. });
    let slot = if refused || release_at == ReleaseAt::Headers || body.is_end_stream() {
        permit.finish(outcome);
        None
    } else {
        permit.report(outcome)
    };
    GuardedBody::new(body, slot)
}

/// What the answer's head says of limits.
#[inline]
fn read(status: StatusCode, headers: &HeaderMap) -> Hint {
    Hint::parse_at(status, headers, None, SystemTime::now)
}
