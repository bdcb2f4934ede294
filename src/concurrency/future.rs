//! The response future.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::StatusCode;
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::{GuardedBody, ReleaseAt, is_short, told_length};
use super::classify::{Classified, Classifier};
use super::gate::Permit;
use super::limit::Outcome;
use crate::hint::{Hint, NO_HINT};
use crate::message::{HttpResponse, Unsent, UnsentCause, WithBody};

pin_project! {
    /// The future of [`AdaptiveConcurrency`](super::AdaptiveConcurrency).
    ///
    /// Holds the request's permit until it resolves, and then hands it to the answer's body or
    /// returns it. Dropped before, it returns the permit, and the request counts as neither accepted
    /// nor refused.
    pub struct ResponseFuture<F> {
        // `None` if the gate is closed, and the request is not sent.
        #[pin]
        inner: Option<F>,
        permit: Option<Permit>,
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
            inner: Some(inner),
            permit: Some(permit),
            release_at,
            classifier,
        }
    }

    /// Of a request that is not sent.
    #[cold]
    pub(super) fn closed() -> Self {
        Self {
            inner: None,
            permit: None,
            release_at: ReleaseAt::default(),
            classifier: Classifier::default(),
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
        let (Some(inner), Some(permit)) = (this.inner.as_pin_mut(), this.permit) else {
            return Poll::Ready(Ok(unsent::<R>()));
        };
        let result = ready!(inner.poll(cx));
        let release_at = *this.release_at;
        // Read where it lies: an answer's head is large, and each move of it costs.
        let Ok(response) = &result else {
            permit.finish(Outcome::Failed);
            return Poll::Ready(
                result.map(|response| response.map_body(|body| GuardedBody::new(body, None))),
            );
        };
        let (status, headers) = (response.status(), response.headers());
        let hint = this.classifier.read(status, headers);
        let told = told_length(headers);
        let said = hint.as_ref().unwrap_or(&NO_HINT);
        let (classified, body_decides) = this.classifier.classify(status, headers, said);
        let served = matches!(classified, Classified::Accepted | Classified::Failed);
        Poll::Ready(if hint.is_none() && served && !body_decides {
            let guard = |body| {
                guard(
                    body,
                    permit,
                    release_at,
                    told,
                    cx,
                    classified.outcome(status, &NO_HINT),
                )
            };
            result.map(|response| response.map_body(guard))
        } else {
            let head = Head {
                status,
                classified,
                body_decides,
                hint,
            };
            result.map(|response| head.mark(response, permit, release_at, cx))
        })
    }
}

/// The gate's own answer to a request that it does not send, as it is closed.
#[cold]
fn unsent<R>() -> R::Output
where
    R: WithBody<GuardedBody<<R as HttpResponse>::Body>>,
{
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = StatusCode::SERVICE_UNAVAILABLE;
    parts.extensions.insert(Unsent {
        cause: UnsentCause::Closed,
        since: None,
        last_refused: None,
    });
    R::from_parts(parts, GuardedBody::empty())
}

/// The head of an answer that says something of limits, or whose body may.
struct Head {
    status: StatusCode,
    classified: Classified,
    body_decides: bool,
    hint: Option<Hint>,
}

impl Head {
    /// Passes the answer on, with what it says.
    #[cold]
    fn mark<R>(
        self,
        response: R,
        permit: &mut Permit,
        release_at: ReleaseAt,
        cx: &Context<'_>,
    ) -> R::Output
    where
        R: WithBody<GuardedBody<<R as HttpResponse>::Body>>,
    {
        let (mut parts, body) = response.into_parts();
        if self.body_decides {
            let hint = self.hint.clone().unwrap_or_default();
            let sink = permit.finish_by_body(self.classified, self.status, hint);
            sink.map(|sink| parts.extensions.insert(sink));
            self.hint.map(|hint| parts.extensions.insert(hint));
            return R::from_parts(parts, GuardedBody::new(body, None));
        }
        let hint = match self.classified {
            Classified::RefusedForGood => Hint::permanent(),
            _ => self.hint.unwrap_or_default(),
        };
        if self.classified == Classified::Refused {
            permit.hint_sink().map(|sink| parts.extensions.insert(sink));
        }
        let told = told_length(&parts.headers);
        let outcome = self.classified.outcome(self.status, &hint);
        let body = guard(body, permit, release_at, told, cx, outcome);
        parts.extensions.insert(hint);
        R::from_parts(parts, body)
    }
}

/// Has the body hold the slot if work is still being done, and tells the gate of the answer.
#[inline]
fn guard<B: Body>(
    body: B,
    permit: &mut Permit,
    release_at: ReleaseAt,
    told: Option<u64>,
    cx: &Context<'_>,
    outcome: Outcome<'_>,
) -> GuardedBody<B> {
    let refused = matches!(outcome, Outcome::Refused { .. });
    let slot = if refused || release_at == ReleaseAt::Headers || is_short(&body, told) {
        permit.finish(outcome);
        None
    } else {
        permit.report(outcome, cx)
    };
    GuardedBody::new(body, slot)
}
