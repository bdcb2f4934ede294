//! The service.

use std::fmt;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::bounds::Bounds;
use super::error::QueueError;
use super::future::ResponseFuture;
use super::layer::QueueLayer;
use super::request::{DeadlineOf, PriorityOf};
use super::room::Entry;
use crate::cost::{CostOf, NoCost};

/// A client whose requests wait within bounds. See the [module docs](super).
///
/// # Readiness
///
/// `poll_ready` waits for a seat, if there is a [bound](QueueLayer::max_waiting) and the layer does not
/// [reject](QueueLayer::reject_when_full). It does not poll the inner service: the future does, as only then the
/// request is known. Errors of the inner `poll_ready` come from the future as well.
///
/// # Clone
///
/// A clone shares the count of those who wait, and has no seat.
pub struct Queue<S, P, D, C = NoCost> {
    inner: S,
    layer: QueueLayer<P, D, C>,
    entry: Entry,
}

impl<S, P: Clone, D: Clone, C: Clone> Layer<S> for QueueLayer<P, D, C> {
    type Service = Queue<S, P, D, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Queue {
            inner,
            entry: Entry::to(&self.room),
            layer: self.clone(),
        }
    }
}

impl<S, P, D, C> Queue<S, P, D, C> {
    /// The wrapped service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The wrapped service, mutably.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The wrapped service itself. A seat is given up.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, P, D, C, Req> Service<Req> for Queue<S, P, D, C>
where
    S: Service<Req> + Clone,
    P: PriorityOf<Req>,
    D: DeadlineOf<Req>,
    C: CostOf<Req>,
{
    type Response = S::Response;
    type Error = QueueError<S::Error>;
    type Future = ResponseFuture<S, Req>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.entry.poll_ready(cx).map(Ok)
    }

    /// # Panics
    ///
    /// If the service was not ready, as [`Service::call`] allows.
    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let bounds = Bounds::new(
            self.layer.priority.priority(&request),
            self.layer.deadline.time_left(&request),
            self.layer.max_wait,
            self.layer.cost.cost(&request),
        );
        let seat = self.entry.take();
        ResponseFuture::new(self.inner.clone(), request, bounds, seat)
    }
}

impl<S: Clone, P: Clone, D: Clone, C: Clone> Clone for Queue<S, P, D, C> {
    fn clone(&self) -> Self {
        self.layer.layer(self.inner.clone())
    }
}

impl<S: fmt::Debug, P, D, C> fmt::Debug for Queue<S, P, D, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}
