//! The service.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;

use super::future::ResponseFuture;
use super::health::{Shared, Turn};
use crate::message::HttpResponse;

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
    shared: Arc<Shared>,
    /// Until a service that is left out is asked again, while all others let wait.
    timer: Option<Pin<Box<Sleep>>>,
}

/// How a service was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// As it was made.
    Fresh,
    /// It may hold a place, and has the waker.
    Waiting,
    /// The same, of one that fails: this is a probe.
    Probing,
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
        let services: Vec<S> = services.into_iter().collect();
        let shared = Arc::new(Shared::new(services.len()));
        Self::with_shared(services, shared)
    }

    pub(super) fn with_shared(services: Vec<S>, shared: Arc<Shared>) -> Self {
        Self {
            found: vec![Found::Fresh; services.len()],
            services,
            ready: None,
            first: None,
            shared,
            timer: None,
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
        self.timer = None;
        self.found[at] = Found::Fresh;
        (0..self.services.len())
            .filter(|other| *other != at)
            .for_each(|other| self.renew(other));
    }
}

impl<S: Clone> Spread<S> {
    /// Whether to poll a service, where some fail and others do not. If not, until when.
    fn admit(&mut self, at: usize) -> Result<(), Instant> {
        if self.found[at] == Found::Probing {
            return Ok(());
        }
        match self.shared.turn(at) {
            Turn::Open => Ok(()),
            Turn::Probe => {
                self.renew(at);
                self.found[at] = Found::Probing;
                Ok(())
            }
            Turn::LeftOut(until) => {
                self.renew(at);
                Err(until)
            }
        }
    }
}

impl<S> Spread<S> {
    fn waits(&self) -> bool {
        let waits = |found: &Found| matches!(found, Found::Waiting | Found::Probing);
        self.found.iter().any(waits)
    }

    /// Has the task woken to ask what is left out, as the other services may let it wait for longer.
    fn wake_at(&mut self, due: Option<Instant>, cx: &mut Context<'_>) {
        let Some(due) = due else {
            self.timer = None;
            return;
        };
        let sleep = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        if sleep.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}

impl<S: Clone> Clone for Spread<S> {
    fn clone(&self) -> Self {
        Self::with_shared(self.services.clone(), Arc::clone(&self.shared))
    }
}

impl<S, Request> Service<Request> for Spread<S>
where
    S: Service<Request, Response: HttpResponse> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.ready.is_some() {
            return Poll::Ready(Ok(()));
        }
        let count = self.services.len();
        let first = *self.first.get_or_insert_with(|| self.shared.first());
        let is_divided = self.shared.is_divided();
        let (mut failure, mut due) = (None, None);
        for at in (first..count).chain(0..first) {
            if is_divided {
                if let Err(then) = self.admit(at) {
                    due = Some(due.map_or(then, |due: Instant| due.min(then)));
                    continue;
                }
            }
            if self.found[at] == Found::Failed {
                self.renew(at);
            }
            match self.services[at].poll_ready(cx) {
                Poll::Ready(Ok(())) => {
                    self.choose(at);
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending if self.found[at] == Found::Probing => {}
                Poll::Pending => self.found[at] = Found::Waiting,
                Poll::Ready(Err(error)) => {
                    self.found[at] = Found::Failed;
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if !self.waits() => Poll::Ready(Err(error)),
            _ => {
                self.wake_at(due, cx);
                Poll::Pending
            }
        }
    }

    /// # Panics
    ///
    /// If the service was not ready, as [`Service::call`] allows.
    fn call(&mut self, request: Request) -> Self::Future {
        let Some(at) = self.ready.take() else {
            panic!("`Spread::call` without readiness; `poll_ready` must be called first");
        };
        let inner = self.services[at].call(request);
        ResponseFuture::new(inner, Arc::clone(&self.shared), at)
    }
}
