//! An attempt to come.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

use super::clone::CloneRequest;
use super::hook::{OnRefusal, Refusal};
use super::not_sent_again::NotSentAgain;
use super::pause::{PauseWait, later};
use super::plan::{Course, Setback};
use super::policy::Policy;

/// An attempt to come.
pub(super) struct Next<Req> {
    request: Option<Req>,
    backoff: Option<Pin<Box<Sleep>>>,
    pause: Option<PauseWait>,
    admitted: bool,
}

impl<Req> Next<Req> {
    fn new(request: Req, at: Option<Instant>) -> Box<Self> {
        Box::new(Self {
            request: Some(request),
            backoff: at.map(|at| Box::pin(sleep_until(at))),
            pause: None,
            admitted: false,
        })
    }

    /// Waits until the attempt may begin.
    pub(super) fn poll_due<C, H, K>(
        &mut self,
        policy: &Policy<C, H, K>,
        course: &Course,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if let Some(backoff) = &mut self.backoff {
            ready!(backoff.as_mut().poll(cx));
            self.backoff = None;
        }
        if !self.admitted {
            let latest = |now| {
                let latest = later(now, policy.config.max_server_wait);
                course
                    .deadline(&policy.config)
                    .map_or(latest, |deadline| latest.min(deadline))
            };
            let random = &policy.config.random;
            ready!(
                policy
                    .shared
                    .poll_pause(&mut self.pause, latest, random, cx)
            );
            self.admitted = true;
        }
        Poll::Ready(())
    }

    /// The request, with the number of its attempt if that is to be sent.
    pub(super) fn take<C, H, K>(&mut self, policy: &Policy<C, H, K>, attempt: u32) -> Req
    where
        K: CloneRequest<Req>,
    {
        let mut request = self.request.take().expect("polled after completion");
        policy.number(&mut request, attempt);
        request
    }
}

/// The next attempt after a setback, if the bounds allow one and the request can still be copied. The
/// error tells if only the copy is missing.
pub(super) fn after<Req, C, H, K: CloneRequest<Req>>(
    setback: Setback,
    kept: Option<&Req>,
    policy: &Policy<C, H, K>,
    course: &mut Course,
) -> Result<Box<Next<Req>>, Option<NotSentAgain>> {
    let until = course.plan(setback, &policy.config, &policy.shared);
    let until = until.ok_or(None)?;
    // A copy takes the body away from the attempt before, so none is made that nobody pays for.
    if !policy.config.can_pay(setback.at) {
        return Err(None);
    }
    let kept = kept.ok_or(NotSentAgain::ReadOnce)?;
    // Copied before the wait: a request that can no longer be copied shall return its answer. And paid
    // for afterwards: that answer costs nothing.
    let request = policy.clone.clone_request(kept);
    let request = request.ok_or(NotSentAgain::NotKept)?;
    if !policy.config.pay(setback.at) {
        return Err(None);
    }
    Ok(Next::new(request, Some(until)))
}

/// Asks the hook about an answer, unless it has acted upon the like for this request before.
pub(super) fn ask<Req, C, H: OnRefusal<Req>, K>(
    refusal: Refusal<'_>,
    kept: Option<&Req>,
    policy: &Policy<C, H, K>,
    course: &mut Course,
) -> Option<H::Future> {
    let kept = kept.filter(|_| !course.has_acted_on(refusal.status))?;
    let acting = policy.hook.on_refusal(refusal, kept)?;
    course.note_acting_on(refusal.status);
    Some(acting)
}

/// The next attempt with the request that the hook gave, which is kept in place of the former one.
pub(super) fn with<Req, C, H, K: CloneRequest<Req>>(
    mut request: Req,
    kept: &mut Option<Req>,
    policy: &Policy<C, H, K>,
    course: &Course,
) -> Option<Box<Next<Req>>> {
    if !course.may_go(Instant::now(), &policy.config) {
        return None;
    }
    policy.clone.prepare(&mut request, policy.config.buffer);
    *kept = policy.clone.clone_request(&request);
    Some(Next::new(request, None))
}
