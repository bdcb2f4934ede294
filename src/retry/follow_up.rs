//! What follows an attempt that was not accepted.

use http_body::Body;
use tokio::time::Instant;

use super::circuit::Rejection;
use super::clone::CloneRequest;
use super::hook::{OnRefusal, Refusal};
use super::judge::{Disposition, Refused};
use super::not_sent_again::NotSentAgain;
use super::pending::PendingAttempt;
use super::policy::Policy;
use super::state::{FailedAttempt, RetryState};

impl<Req> RetryState<Req> {
    /// The next attempt after one that came to an error, if it `may` be sent again.
    pub(super) fn after_error<C, H, K: CloneRequest<Req>>(
        &mut self,
        may: bool,
        policy: &Policy<C, H, K>,
    ) -> Option<Box<PendingAttempt<Req>>> {
        if !may && !self.is_probe() {
            self.end();
            return None;
        }
        let rejection = Rejection::without_word(Instant::now());
        let ends = self.on_rejected(rejection, None, &policy.config, &policy.shared);
        let failed = FailedAttempt::without_word(rejection.at);
        let next = (may && !ends)
            .then(|| self.after_failure(failed, policy).ok())
            .flatten();
        if next.is_none() {
            self.end();
        }
        next
    }

    /// The next attempt after a failed one, if the bounds allow one and the request can still be copied.
    /// The error tells if only the copy is missing.
    pub(super) fn after_failure<C, H, K: CloneRequest<Req>>(
        &mut self,
        failed: FailedAttempt,
        policy: &Policy<C, H, K>,
    ) -> Result<Box<PendingAttempt<Req>>, Option<NotSentAgain>> {
        let until = self.plan(failed, &policy.config, &policy.shared);
        let until = until.ok_or(None)?;
        // A copy takes the body away from the attempt before, so none is made that nobody pays for.
        if !policy.config.can_pay(failed.at) {
            return Err(None);
        }
        let kept = self.kept().ok_or(NotSentAgain::ReadOnce)?;
        // Copied before the wait: a request that can no longer be copied shall return its answer. And paid
        // for afterwards: that answer costs nothing.
        let request = policy.clone.clone_request(kept);
        let request = request.ok_or(NotSentAgain::NotKept)?;
        if !policy.config.pay(failed.at) {
            return Err(None);
        }
        Ok(PendingAttempt::new(request, Some(until)))
    }

    /// Decides about a refused answer that was read, and asks the hook.
    pub(super) fn on_read<B: Body, C, H: OnRefusal<Req>, K: CloneRequest<Req>>(
        &mut self,
        refused: &mut Refused<B>,
        policy: &Policy<C, H, K>,
    ) -> Option<H::Future> {
        let mut disposition = policy.dispose(refused);
        if let Some(mut rejection) = disposition.rejection() {
            rejection.route = self.route(policy);
            let copy = Some(refused.copy());
            if self.on_rejected(rejection, copy, &policy.config, &policy.shared) {
                disposition = Disposition::Return;
            }
        }
        refused.disposition = Some(disposition);
        let refusal = Refusal {
            status: refused.parts.status,
            headers: &refused.parts.headers,
            hint: &refused.context.hint,
            attempt: self.attempts,
        };
        self.ask_hook(refusal, policy)
    }

    /// Asks the hook about an answer, unless it has acted upon the like for this request before.
    pub(super) fn ask_hook<C, H: OnRefusal<Req>, K>(
        &mut self,
        refusal: Refusal<'_>,
        policy: &Policy<C, H, K>,
    ) -> Option<H::Future> {
        let kept = self.kept().filter(|_| !self.has_acted_on(refusal.status))?;
        let acting = policy.hook.on_refusal(refusal, kept)?;
        self.on_acting(refusal.status);
        Some(acting)
    }

    /// The next attempt with the request that the hook gave, which is kept in place of the former one.
    pub(super) fn with_request<C, H, K: CloneRequest<Req>>(
        &mut self,
        mut request: Req,
        policy: &Policy<C, H, K>,
    ) -> Option<Box<PendingAttempt<Req>>> {
        let now = Instant::now();
        if !self.pay_for_attempt(now, &policy.config) {
            return None;
        }
        policy.clone.prepare(&mut request, policy.config.buffer);
        self.keep(policy.clone.clone_request(&request));
        Some(PendingAttempt::new(request, None))
    }
}
