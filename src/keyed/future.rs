//! The response future.

use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::shared::{Bucket, Waits};
use crate::ask::{self, Ask};
use crate::concurrency::{self, AdaptiveConcurrency, GuardedBody};
use crate::message::{HttpResponse, WithBody};

pin_project! {
    /// The future of [`Keyed`](super::Keyed).
    ///
    /// Waits at the gate of its key, and then for the answer. It joins the line when it is first polled.
    /// Dropped at any moment, it gives back what it holds: its ticket of the bound, its place in the line, its
    /// permit.
    pub struct ResponseFuture<S, K, Request>
    where
        S: Service<Request>,
    {
        #[pin]
        state: State<S, S::Future, K, Request>,
        // `None` if answers name no buckets.
        bucket: Option<Box<Bucket<K>>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, K, Request> {
        Waiting {
            gate: AdaptiveConcurrency<S>,
            // `None` once it is sent.
            request: Option<Request>,
            ask: Option<Ask>,
            waits: Waits<K>,
        },
        Called {
            #[pin]
            inner: concurrency::ResponseFuture<F>,
        },
    }
}

impl<S: Service<Request>, K, Request> ResponseFuture<S, K, Request> {
    #[inline]
    pub(super) fn new(
        gate: AdaptiveConcurrency<S>,
        request: Request,
        ask: Option<Ask>,
        waits: Waits<K>,
        bucket: Option<Box<Bucket<K>>>,
    ) -> Self {
        Self {
            bucket,
            state: State::Waiting {
                gate,
                request: Some(request),
                ask,
                waits,
            },
        }
    }
}

impl<S: Service<Request>, K, Request> fmt::Debug for ResponseFuture<S, K, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Waiting { .. } => "waiting",
            State::Called { .. } => "called",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

/// Waits for the gate's permit, and tells the layers above that the attempt was not sent yet.
#[inline]
fn poll_gate<S, Request>(
    gate: &mut AdaptiveConcurrency<S>,
    ask: Option<Ask>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), S::Error>>
where
    S: Service<Request>,
    S::Response: WithBody<GuardedBody<<S::Response as HttpResponse>::Body>>,
{
    let above = ask::asked();
    let ready = if ask.is_none() && above.is_none() {
        gate.poll_ready(cx)
    } else {
        let count = above.is_some_and(|above| above.count);
        let ask = ask.unwrap_or_default();
        ask::with(Ask { count, ..ask }, || gate.poll_ready(cx))
    };
    if ready.is_pending() {
        ask::tell_unsent();
    }
    ready
}

impl<S, K, Request> Future for ResponseFuture<S, K, Request>
where
    S: Service<Request>,
    S::Response: WithBody<GuardedBody<<S::Response as HttpResponse>::Body>>,
    K: Hash + Eq + Clone,
{
    type Output = Result<
        <S::Response as WithBody<GuardedBody<<S::Response as HttpResponse>::Body>>>::Output,
        S::Error,
    >;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let StateProj::Waiting {
            gate, request, ask, ..
        } = this.state.as_mut().project()
        {
            ready!(poll_gate(gate, *ask, cx))?;
            let request = request.take().expect("polled after it was ready");
            let inner = gate.call(request);
            // The ticket goes with the wait.
            this.state.set(State::Called { inner });
        }
        let StateProj::Called { inner } = this.state.project() else {
            unreachable!("it was called");
        };
        if this.bucket.is_none() {
            // Not moved once more.
            return inner.poll(cx);
        }
        let result = ready!(inner.poll(cx));
        if let (Some(bucket), Ok(response)) = (this.bucket.take(), &result) {
            bucket.read(response.headers());
        }
        Poll::Ready(result)
    }
}
