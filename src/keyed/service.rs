//! The service.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tower_service::Service;

use super::future::ResponseFuture;
use super::handle::KeyedHandle;
use super::shared::{Bucket, Shared};
use super::ticket::Admission;
use crate::ask::{self, Ask};
use crate::concurrency::{AdaptiveConcurrency, GuardedBody};
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
pub struct Keyed<S, K, F> {
    inner: S,
    key: F,
    admission: Admission<K>,
    /// What was asked for when it was last found ready.
    ask: Ask,
}

impl<S, K, F> Keyed<S, K, F> {
    pub(super) fn with_shared(inner: S, shared: Arc<Shared<K>>, key: F) -> Self {
        Self {
            inner,
            key,
            admission: Admission::new(shared),
            ask: Ask::default(),
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

impl<S: Clone, K, F: Clone> Clone for Keyed<S, K, F> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(self.admission.shared());
        Self::with_shared(self.inner.clone(), shared, self.key.clone())
    }
}

impl<S: fmt::Debug, K, F> fmt::Debug for Keyed<S, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed")
            .field("inner", &self.inner)
            .field("has_ticket", &self.admission.has_ticket())
            .finish_non_exhaustive()
    }
}

impl<S, K, F, Request> Service<Request> for Keyed<S, K, F>
where
    S: Service<Request> + Clone,
    S::Response: WithBody<GuardedBody<<S::Response as HttpResponse>::Body>>,
    K: Hash + Eq + Clone,
    F: Fn(&Request) -> K,
{
    type Response = <AdaptiveConcurrency<S> as Service<Request>>::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, K, Request>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        ready!(self.admission.poll(cx));
        self.ask = ask::current();
        Poll::Ready(Ok(()))
    }

    /// # Panics
    ///
    /// If the service was not ready, as [`Service::call`] allows; and if the function that tells the key, or
    /// the one that makes a gate, panics. Then the service is still ready.
    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        assert!(
            self.admission.has_ticket(),
            "`Keyed::call` without a ticket; `poll_ready` must be called first",
        );
        let key = (self.key)(&request);
        let entry = self.admission.shared().entry(&key);
        let gate = entry.gate.before(self.inner.clone());
        // A retry says which place it gave up when it polls for readiness, and not when it calls.
        let ask = std::mem::take(&mut self.ask).or(ask::current());
        let waits = self.admission.hand_over(entry);
        let bucket = Bucket::of(self.admission.shared(), waits.entry(), key);
        ResponseFuture::new(gate, request, ask, waits, bucket)
    }
}
