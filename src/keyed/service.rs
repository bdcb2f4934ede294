//! The service.

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tower_service::Service;

use super::future::ResponseFuture;
use super::handle::KeyedHandle;
use super::shared::{Bucket, Shared};
use super::ticket::Admission;
use crate::ask::{self, Ask};
use crate::concurrency::{AdaptiveConcurrency, GuardedBody};
use crate::cost::{CostOf, NoCost};
use crate::message::{HttpResponse, WithBody};

/// Lets each request through at the gate of its key. See the [module docs](super).
///
/// # Readiness
///
/// `poll_ready` does not know the key. It waits while [`max_waiting`](super::KeyedLayer::max_waiting) requests
/// wait for their gates, and while the last request of this very service waits beyond its key's
/// [share](super::KeyedLayer::max_share). A service that became ready and is not used holds a ticket; drop it.
///
/// The wrapped service is polled for readiness by the request's future, with the permit held.
///
/// # Clone
///
/// A clone shares the gates and the bound, and holds no ticket.
pub struct Keyed<S, K, F, C = NoCost> {
    inner: S,
    key: F,
    admission: Admission<K>,
    /// What was asked for when it was last found ready.
    ask: Option<Ask>,
    cost: PhantomData<fn() -> C>,
}

impl<S, K, F, C> Keyed<S, K, F, C> {
    pub(super) fn with_shared(inner: S, shared: Arc<Shared<K>>, key: F) -> Self {
        Self {
            inner,
            key,
            admission: Admission::new(shared),
            ask: None,
            cost: PhantomData,
        }
    }

    /// The wrapped service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The wrapped service, mutably. Requests that wait have clones of it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The wrapped service itself. A ticket, or a place in the line for one, is given up.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// A handle to look at the gates from outside.
    #[must_use]
    pub fn handle(&self) -> KeyedHandle<K> {
        KeyedHandle::new(Arc::clone(self.admission.shared()))
    }
}

impl<S: Clone, K, F: Clone, C> Clone for Keyed<S, K, F, C> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(self.admission.shared());
        Self::with_shared(self.inner.clone(), shared, self.key.clone())
    }
}

impl<S: fmt::Debug, K, F, C> fmt::Debug for Keyed<S, K, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed")
            .field("inner", &self.inner)
            .field("has_ticket", &self.admission.has_ticket())
            .finish_non_exhaustive()
    }
}

impl<S, K, F, C, Request> Service<Request> for Keyed<S, K, F, C>
where
    S: Service<Request> + Clone,
    S::Response: WithBody<GuardedBody<<S::Response as HttpResponse>::Body>>,
    K: Hash + Eq + Clone,
    F: Fn(&Request) -> K,
    C: CostOf<Request> + 'static,
{
    type Response = <AdaptiveConcurrency<S> as Service<Request>>::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, K, Request>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        ready!(self.admission.poll(cx));
        self.ask = ask::asked();
        Poll::Ready(Ok(()))
    }

    /// # Panics
    ///
    /// If the service was not ready, as [`Service::call`] allows; and if a function of yours panics that tells the key
    /// or the cost, or makes a gate. Then the service is still ready.
    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        assert!(
            self.admission.has_ticket(),
            "`Keyed::call` without a ticket; `poll_ready` must be called first",
        );
        let key = (self.key)(&request);
        let entry = self.admission.shared().entry(&key);
        let cost = entry.gate.cost::<C, Request>(&request);
        let gate = entry.gate.before(self.inner.clone());
        // A retry says which place it gave up when it polls for readiness, and not when it calls.
        let mut ask = self.ask.take().or_else(ask::asked);
        if cost.is_some() {
            ask.get_or_insert_default().cost = cost;
        }
        let waits = self.admission.hand_over(entry);
        let bucket = Bucket::of(self.admission.shared(), waits.entry(), key);
        ResponseFuture::new(gate, request, ask, waits, bucket)
    }
}
