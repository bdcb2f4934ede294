//! The service.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tower_service::Service;

use super::body::{GuardedBody, ReleaseAt};
use super::classify::Classifier;
use super::future::ResponseFuture;
use super::gate::{Admission, Gate};
use super::handle::Handle;
use crate::cost::{CostOf, NoCost};
use crate::message::{HttpResponse, WithBody};

/// Lets a request through when the limit allows it. See the [module docs](super).
///
/// # Readiness
///
/// `poll_ready` waits for a permit, in the order of the first polls (a refused request keeps its
/// [place](super#the-line), and [classes](crate::queue) share), and then for the inner service,
/// with the permit held: where the inner service may take long to be ready, it holds others up. A
/// permit that is not used is returned when the service is dropped, or when the inner
/// `poll_ready` fails.
///
/// # Clone
///
/// A clone shares the gate, and has neither permit nor place in the line.
pub struct AdaptiveConcurrency<S, C = NoCost> {
    inner: S,
    admission: Admission,
    release_at: ReleaseAt,
    classifier: Classifier,
    cost: C,
}

impl<S, C> AdaptiveConcurrency<S, C> {
    pub(super) fn with_gate(
        inner: S,
        gate: Arc<Gate>,
        release_at: ReleaseAt,
        classifier: Classifier,
        cost: C,
    ) -> Self {
        Self {
            inner,
            admission: Admission::new(gate),
            release_at,
            classifier,
            cost,
        }
    }

    /// The wrapped service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The wrapped service, mutably.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The wrapped service itself. A permit or a place in the line is given up.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Answers a request that has no permit.
    #[cold]
    fn refuse<F>(&self) -> ResponseFuture<F> {
        assert!(
            self.admission.gate().is_closed(),
            "`AdaptiveConcurrency::call` without a permit; `poll_ready` must be called first",
        );
        ResponseFuture::closed()
    }

    /// A handle to look at the gate from outside, and to steer it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(self.admission.gate()))
    }
}

impl<S: fmt::Debug, C> fmt::Debug for AdaptiveConcurrency<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveConcurrency")
            .field("inner", &self.inner)
            .field("admission", &self.admission)
            .field("release_at", &self.release_at)
            .field("classifier", &self.classifier)
            .finish_non_exhaustive()
    }
}

impl<S: Clone, C: Clone> Clone for AdaptiveConcurrency<S, C> {
    fn clone(&self) -> Self {
        Self::with_gate(
            self.inner.clone(),
            Arc::clone(self.admission.gate()),
            self.release_at,
            self.classifier.clone(),
            self.cost.clone(),
        )
    }
}

impl<S, C, Request> Service<Request> for AdaptiveConcurrency<S, C>
where
    S: Service<Request>,
    C: CostOf<Request>,
    S::Response: WithBody<GuardedBody<<S::Response as HttpResponse>::Body>>,
{
    type Response =
        <S::Response as WithBody<GuardedBody<<S::Response as HttpResponse>::Body>>>::Output;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        ready!(self.admission.poll_ready(cx));
        if self.admission.gate().is_closed() {
            return Poll::Ready(Ok(()));
        }
        let ready = ready!(self.inner.poll_ready(cx));
        if ready.is_err() {
            // The caller is to discard this service; its permit serves another one until then.
            self.admission.disarm();
        }
        Poll::Ready(ready)
    }

    /// # Panics
    ///
    /// If the service was not ready, as [`Service::call`] allows.
    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        // Asked first: if it panics, the permit comes back with the service.
        let cost = self.cost.cost(&request);
        let Some(mut permit) = self.admission.take() else {
            return self.refuse();
        };
        if let Some(cost) = cost {
            permit.charge(cost);
        }
        ResponseFuture::new(
            self.inner.call(request),
            permit,
            self.release_at,
            self.classifier.clone(),
        )
    }
}
