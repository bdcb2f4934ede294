//! One class for all requests of a client.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::ask::{self, Ask};
use crate::priority::Priority;

/// Puts all requests of a client into one class. See the [module docs](super).
///
/// Use it on clones of one client. Each clone has its class, and all share one gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriorityLayer {
    priority: Priority,
}

impl PriorityLayer {
    /// A layer for requests of this class.
    #[must_use]
    pub const fn new(priority: Priority) -> Self {
        Self { priority }
    }
}

impl<S> Layer<S> for PriorityLayer {
    type Service = Prioritized<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Prioritized::new(inner, self.priority)
    }
}

/// A client whose requests are of one class. See the [module docs](super).
#[derive(Clone, Copy, Debug)]
pub struct Prioritized<S> {
    inner: S,
    priority: Priority,
}

impl<S> Prioritized<S> {
    /// Puts the requests of a service into this class.
    pub const fn new(inner: S, priority: Priority) -> Self {
        Self { inner, priority }
    }

    /// The class of the requests.
    pub const fn priority(&self) -> Priority {
        self.priority
    }

    /// The wrapped service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The wrapped service, mutably.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The wrapped service itself.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

/// What the gates below are asked, with this class.
fn ask(priority: Priority) -> Ask {
    Ask {
        priority: Some(priority),
        ..ask::current()
    }
}

impl<S: Service<Req>, Req> Service<Req> for Prioritized<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = PrioritizedFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        ask::with(ask(self.priority), || self.inner.poll_ready(cx))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        PrioritizedFuture {
            inner: self.inner.call(request),
            priority: self.priority,
        }
    }
}

pin_project! {
    /// The future of [`Prioritized`]. Its retries are of the same class.
    #[derive(Debug)]
    pub struct PrioritizedFuture<F> {
        #[pin]
        inner: F,
        priority: Priority,
    }
}

impl<F: Future> Future for PrioritizedFuture<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        ask::with(ask(*this.priority), || this.inner.poll(cx))
    }
}
