//! The service.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use tower_service::Service;

/// Sends each request through whichever of several services has room for it. See the [module docs](super).
///
/// # Readiness
///
/// `poll_ready` polls all services, and stands in the line of each. It is ready with the first that is, and gives
/// up its places in the other lines. If a service fails to become ready, the others go on; it fails when all
/// have failed. A service that became ready and is not used holds its permit; drop it.
///
/// # Clone
///
/// A clone has neither permit nor place.
#[derive(Debug)]
pub struct Spread<S> {
    services: Vec<S>,
    /// How each service was found in the present wait.
    found: Vec<Found>,
    /// The one that is ready.
    ready: Option<usize>,
    /// Where the present wait began.
    first: Option<usize>,
    /// Counts the waits, so that each begins at another service.
    turn: Arc<AtomicUsize>,
}

/// How a service was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// As it was made.
    Fresh,
    /// It may hold a place, and has the waker.
    Waiting,
    /// It is to be replaced before it is polled again.
    Failed,
}

impl<S> Spread<S> {
    /// A service of several, each of which is a gate, or has one.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn new(services: impl IntoIterator<Item = S>) -> Self {
        Self::with_turn(services.into_iter().collect(), Arc::default())
    }

    pub(super) fn with_turn(services: Vec<S>, turn: Arc<AtomicUsize>) -> Self {
        assert!(!services.is_empty(), "a spread over nothing");
        Self {
            found: vec![Found::Fresh; services.len()],
            services,
            ready: None,
            first: None,
            turn,
        }
    }

    /// The services.
    pub fn get_ref(&self) -> &[S] {
        &self.services
    }

    /// The services themselves.
    pub fn into_inner(self) -> Vec<S> {
        self.services
    }
}

impl<S: Clone> Spread<S> {
    /// Puts a fresh clone in place of a service that may hold a place in a line.
    fn renew(&mut self, at: usize) {
        if mem::replace(&mut self.found[at], Found::Fresh) != Found::Fresh {
            self.services[at] = self.services[at].clone();
        }
    }

    /// Chooses a service that is ready, and gives up the places at the others.
    fn choose(&mut self, at: usize) {
        self.ready = Some(at);
        self.first = None;
        self.found[at] = Found::Fresh;
        (0..self.services.len())
            .filter(|other| *other != at)
            .for_each(|other| self.renew(other));
    }
}

impl<S: Clone> Clone for Spread<S> {
    fn clone(&self) -> Self {
        Self::with_turn(self.services.clone(), Arc::clone(&self.turn))
    }
}

impl<S, Request> Service<Request> for Spread<S>
where
    S: Service<Request> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.ready.is_some() {
            return Poll::Ready(Ok(()));
        }
        let count = self.services.len();
        let first = *self
            .first
            .get_or_insert_with(|| self.turn.fetch_add(1, Relaxed) % count);
        let mut failure = None;
        for at in (first..count).chain(0..first) {
            if self.found[at] == Found::Failed {
                self.renew(at);
            }
            match self.services[at].poll_ready(cx) {
                Poll::Ready(Ok(())) => {
                    self.choose(at);
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending => self.found[at] = Found::Waiting,
                Poll::Ready(Err(error)) => {
                    self.found[at] = Found::Failed;
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if !self.found.contains(&Found::Waiting) => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    }

    /// # Panics
    ///
    /// If the service was not ready, as [`Service::call`] allows.
    fn call(&mut self, request: Request) -> Self::Future {
        let Some(at) = self.ready.take() else {
            panic!("`Spread::call` without readiness; `poll_ready` must be called first");
        };
        self.services[at].call(request)
    }
}
