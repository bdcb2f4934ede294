//! The middleware.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;

use super::body::{Answer, BodyOf, ResponseBody};
use super::circuit::{Admission, Registration};
use super::classify::{Classify, RefusalsOnly};
use super::clone::{CloneRequest, Replay};
use super::future::ResponseFuture;
use super::handle::RetryHandle;
use super::hook::{NoHook, OnRefusal};
use super::pause::PauseWait;
use super::policy::{Policies, Policy};
use super::state::{Gone, RetryState};
use super::time::later;
use crate::message::{HttpResponse, WithBody};

/// Retries refused requests. See the [module docs](super) for more details.
///
/// # Clone
///
/// The inner service must be `Clone`: each call keeps a clone for its retries, which waits for its
/// own readiness and then sends. Behind an [`AdaptiveConcurrency`](crate::AdaptiveConcurrency) a refused
/// request keeps its place in the line; any other inner service that queues sees a retry at the end of
/// its queue.
///
/// # Readiness
///
/// `poll_ready` waits for a pause to end and for the inner service. While the circuit breaker is open, or
/// once the layer is closed, it is ready at once, also for requests that wait already: the call then
/// answers without sending.
pub struct RetryOn429<S, C = RefusalsOnly, H = NoHook, K = Replay> {
    inner: S,
    policy: Policies<C, H, K>,
    pause: Option<PauseWait>,
    /// The pause was waited out. From then on only the inner service decides, as one that was
    /// ready must remain so until the call.
    admitted: bool,
    /// Ready, though perhaps the inner service is not: the call decides what becomes of the request.
    bypass: bool,
    /// What is kept while it waits. Boxed, as most never do.
    waiting: Option<Box<Waiting>>,
}

/// What a service keeps while it waits to be ready.
#[derive(Default)]
struct Waiting {
    registration: Option<Registration>,
    /// Since when it waits, and the end of the request's time, if that is bounded.
    since: Option<Instant>,
    cut_off: Option<Pin<Box<Sleep>>>,
}

impl<S, C, H, K> RetryOn429<S, C, H, K> {
    pub(super) fn with_policy(inner: S, policy: Policies<C, H, K>) -> Self {
        Self {
            inner,
            policy,
            pause: None,
            admitted: false,
            bypass: false,
            waiting: None,
        }
    }

    /// A handle to look at the circuit breaker, and to close the layer that this service comes from.
    #[must_use]
    pub fn handle(&self) -> RetryHandle
    where
        C: Send + Sync + 'static,
        H: Send + Sync + 'static,
        K: Send + Sync + 'static,
    {
        RetryHandle::new(&self.policy)
    }

    /// Calls with a request that had to wait, or that the circuit decides about.
    #[cold]
    fn call_after_wait<Req>(
        &mut self,
        mut request: Req,
        kept: Option<Req>,
        gone: Gone,
    ) -> ResponseFuture<S, Req, C, H, K>
    where
        S: Service<Req> + Clone,
        S::Response: HttpResponse,
        H: OnRefusal<Req>,
        K: CloneRequest<Req>,
    {
        let since = self.waiting.take().and_then(|waiting| waiting.since);
        let policy = Arc::clone(&*self.policy);
        if std::mem::take(&mut self.bypass) || policy.shared.circuit.is_tripped() {
            self.pause = None;
            // The service that was polled goes with the request: it may hold a permit, or a place.
            let fresh = self.inner.clone();
            let polled = std::mem::replace(&mut self.inner, fresh);
            let retry = RetryState::begin(&policy.config, 0, kept, gone, since);
            return ResponseFuture::waiting(request, polled, policy, retry);
        }
        let retry = RetryState::begin(&policy.config, 1, kept, gone, since);
        policy.number(&mut request, 1);
        let future = self.inner.call(request);
        let inner = self.inner.clone();
        ResponseFuture::sent(future, inner, policy, retry)
    }

    /// Keeps the waker, so that whoever waits below is woken when the circuit opens, and ends the wait of
    /// a request whose time is over.
    #[cold]
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (config, shared) = (&self.policy.config, &self.policy.shared);
        let waiting = self.waiting.get_or_insert_default();
        if let Some(time) = config.max_time {
            let cut_off = waiting.cut_off.get_or_insert_with(|| {
                let now = Instant::now();
                waiting.since = Some(now);
                Box::pin(sleep_until(later(now, time)))
            });
            if cut_off.as_mut().poll(cx).is_ready() && shared.circuit.last().is_some() {
                return Poll::Ready(());
            }
        }
        let registration = &mut waiting.registration;
        if shared.circuit.register(registration, Admission::Send, cx) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the retries.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, C, H, K, Req> Service<Req> for RetryOn429<S, C, H, K>
where
    S: Service<Req> + Clone,
    S::Response: WithBody<ResponseBody<BodyOf<S::Response>>>,
    C: Classify<S::Error>,
    H: OnRefusal<Req>,
    K: CloneRequest<Req>,
{
    type Response = Answer<S::Response>;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, C, H, K>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let shared = &self.policy.shared;
        if self.bypass || shared.circuit.is_tripped() {
            self.bypass = true;
            return Poll::Ready(Ok(()));
        }
        if !self.admitted && (self.pause.is_some() || shared.pause.may_last()) {
            let config = &self.policy.config;
            let latest = |now| later(now, config.max_server_wait);
            let waited = shared
                .pause
                .poll(&mut self.pause, latest, &config.random, cx);
            self.admitted = waited.map(|over| config.pause_waited(over)).is_ready();
        } else {
            self.admitted = true;
        }
        if self.admitted {
            let ready = self.inner.poll_ready(cx);
            if ready.is_ready() {
                return ready;
            }
        }
        self.bypass = self.poll_waiting(cx).is_ready();
        if self.bypass {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    #[inline]
    fn call(&mut self, mut request: Req) -> Self::Future {
        self.admitted = false;
        let Policy { config, clone, .. } = &**self.policy;
        let retries = config.max_attempts > 1;
        if retries {
            clone.prepare(&mut request, config.buffer);
        }
        if let Some(key) = config.idempotency_key {
            if let Some(headers) = clone.headers_mut(&mut request) {
                key.add_to(headers);
            }
        }
        // Before the attempt's number is added, so that the copy has none.
        let kept = if retries {
            clone.clone_request(&request)
        } else {
            None
        };
        // A request that cannot be copied is gone when its answer comes.
        let gone = match &kept {
            Some(_) => Gone::default(),
            None => Gone {
                repeatable: retries && clone.is_repeatable(&request),
                route: clone.route(&request),
            },
        };
        if self.bypass || self.waiting.is_some() || self.policy.shared.circuit.is_tripped() {
            return self.call_after_wait(request, kept, gone);
        }
        let policy = Arc::clone(&*self.policy);
        let retry = RetryState::begin(&policy.config, 1, kept, gone, None);
        policy.number(&mut request, 1);
        let future = self.inner.call(request);
        ResponseFuture::sent(future, self.inner.clone(), policy, retry)
    }
}

impl<S: Clone, C, H, K> Clone for RetryOn429<S, C, H, K> {
    fn clone(&self) -> Self {
        Self::with_policy(self.inner.clone(), Arc::clone(&self.policy))
    }
}

impl<S: fmt::Debug, C, H, K> fmt::Debug for RetryOn429<S, C, H, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryOn429")
            .field("inner", &self.inner)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
