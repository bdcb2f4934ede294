//! The middleware.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tower_service::Service;

use super::body::ResponseBody;
use super::classify::{Classify, RefusalsOnly};
use super::clone::{CloneRequest, Replay};
use super::future::{BodyOf, ResponseFuture};
use super::hook::{NoHook, OnRefusal};
use super::layer::RetryOn429Layer;
use super::pause::{PauseWait, later};
use super::policy::Policy;
use crate::message::WithBody;

/// Retries refused requests. See the [module docs](super) for more details.
///
/// # Clone
///
/// The inner service must be `Clone`: each call keeps a clone for its retries, which waits for its
/// own readiness and then sends. An inner service that queues, such as
/// [`AdaptiveConcurrency`](crate::AdaptiveConcurrency), thus sees a retry at the end of its queue.
pub struct RetryOn429<S, C = RefusalsOnly, H = NoHook, K = Replay> {
    inner: S,
    policy: Arc<Policy<C, H, K>>,
    pause: Option<PauseWait>,
    /// The pause was waited out. From then on only the inner service decides, as one that was
    /// ready must remain so until the call.
    admitted: bool,
}

impl<S> RetryOn429<S> {
    /// Wraps a service with a [layer](RetryOn429Layer) of its own, with the defaults.
    pub fn new(inner: S) -> Self {
        tower_layer::Layer::layer(&RetryOn429Layer::new(), inner)
    }
}

impl<S, C, H, K> RetryOn429<S, C, H, K> {
    pub(super) fn with_policy(inner: S, policy: Arc<Policy<C, H, K>>) -> Self {
        Self {
            inner,
            policy,
            pause: None,
            admitted: false,
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
    type Response = <S::Response as WithBody<ResponseBody<BodyOf<S::Response>>>>::Output;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, C, H, K>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if !self.admitted && (self.pause.is_some() || self.policy.shared.may_be_paused()) {
            let longest = self.policy.config.max_server_wait;
            let random = &self.policy.config.random;
            ready!(self.policy.shared.poll_pause(
                &mut self.pause,
                |now| later(now, longest),
                random,
                cx
            ));
        }
        self.admitted = true;
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Req) -> Self::Future {
        self.admitted = false;
        let Policy { config, clone, .. } = &*self.policy;
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
        let repeatable = retries && kept.is_none() && clone.is_repeatable(&request);
        self.policy.number(&mut request, 1);
        let future = self.inner.call(request);
        ResponseFuture::new(
            future,
            self.inner.clone(),
            kept,
            repeatable,
            Arc::clone(&self.policy),
        )
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
