//! The response future.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use http::StatusCode;
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
        // Read where it lies: an answer's head is large, and each move of it costs.
        let head = match &result {
            Ok(response) => Head::read(response, this.classifier),
            Err(_) => {
                this.permit.finish(Outcome::Failed);
                Head::default()
            }
        };
        let (permit, release_at) = (this.permit, *this.release_at);
        Poll::Ready(if head.is_plain() {
            let outcome = head.outcome();
            result
                .map(|response| response.map_body(|body| guard(body, permit, release_at, outcome)))
        } else {
            result.map(|response| head.mark(response, permit, release_at))
        })
    }
}

/// What an answer's head says.
struct Head {
    status: StatusCode,
    hint: Hint,
    classified: Classified,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            hint: Hint::default(),
            classified: Classified::Failed,
        }
    }
}

impl Head {
    #[inline]
    fn read(response: &impl HttpResponse, classifier: &Classifier) -> Self {
        let (status, headers) = (response.status(), response.headers());
        let hint = Hint::parse_at(status, headers, None, SystemTime::now);
        let classified = classifier.classify(status, headers, &hint);
        Self {
            status,
            hint,
            classified,
        }
    }
    fn is_plain(&self) -> bool {
        self.classified != Classified::Refused && self.hint.is_empty()
    }
    fn outcome(&self) -> Outcome<'_> {
        self.classified.outcome(self.status, &self.hint)
    }

    /// The same for an answer that says something of limits, which is passed on with what it said.
    #[cold]
    fn mark<R>(self, response: R, permit: &mut Permit, release_at: ReleaseAt) -> R::Output
    where
        R: WithBody<GuardedBody<<R as HttpResponse>::Body>>,
    {
        let (mut parts, body) = response.into_parts();
        if self.classified == Classified::Refused {
            permit
                .governor()
                .map(|governor| parts.extensions.insert(governor));
        }
        let body = guard(body, permit, release_at, self.outcome());
        parts.extensions.insert(self.hint);
        R::from_parts(parts, body)
    }
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
