//! What follows an attempt that was not accepted.

use std::time::Duration;

use http::StatusCode;
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
use crate::observe::{Event, GiveUpReason, RetryReason};

impl<Req> RetryState<Req> {
    /// The next attempt after one that came to an error, if it `may` be sent again.
    pub(super) fn after_error<C, H, K: CloneRequest<Req>>(
        &mut self,
        may: bool,
        policy: &Policy<C, H, K>,
    ) -> Option<Box<PendingAttempt<Req>>> {
        if !may && !self.is_probe() {
            self.give_up(GiveUpReason::Error, None, policy);
            self.end();
            return None;
        }
        let rejection = Rejection::without_word(Instant::now());
        let ends = self.on_rejected(rejection, None, &policy.config, &policy.shared);
        let failed = FailedAttempt::without_word(rejection.at);
        let next = match (may, ends) {
            (false, _) => Err(GiveUpReason::Error),
            (true, true) => Err(GiveUpReason::Outage),
            (true, false) => self.after_failure(failed, RetryReason::Error, None, policy),
        };
        if let Err(why) = next {
            self.give_up(why, None, policy);
            self.end();
        }
        next.ok()
    }

    /// The next attempt after a failed one, which was answered with `status` if it was, or why there is none.
    pub(super) fn after_failure<C, H, K: CloneRequest<Req>>(
        &mut self,
        failed: FailedAttempt,
        why: RetryReason,
        status: Option<StatusCode>,
        policy: &Policy<C, H, K>,
    ) -> Result<Box<PendingAttempt<Req>>, GiveUpReason> {
        let until = self.plan(failed, &policy.config, &policy.shared)?;
        // A copy takes the body away from the attempt before, so none is made that nobody pays for.
        if !policy.config.can_pay(failed.at) {
            return Err(GiveUpReason::Budget);
        }
        let kept = self.kept().ok_or(GiveUpReason::ReadOnce)?;
        // Copied before the wait: a request that can no longer be copied shall return its answer. And paid
        // for afterwards: that answer costs nothing.
        let request = policy.clone.clone_request(kept);
        let request = request.ok_or(GiveUpReason::NotKept)?;
        if !policy.config.pay(failed.at) {
            return Err(GiveUpReason::Budget);
        }
        policy.config.tell(|| Event::RetryScheduled {
            attempt: self.attempts + 1,
            after: until.saturating_duration_since(failed.at),
            why,
            status,
            server: policy.clone.server(&request),
        });
        Ok(PendingAttempt::new(request, Some(until)))
    }

    /// The next attempt after an answer that was read, if there is one. If not, the answer says why.
    pub(super) fn after_refused<B: Body, C, H, K: CloneRequest<Req>>(
        &mut self,
        refused: &mut Refused<B>,
        policy: &Policy<C, H, K>,
    ) -> Option<Box<PendingAttempt<Req>>> {
        let Some(Disposition::Retry(failed)) = refused.disposition else {
            return None;
        };
        let reason = if refused.context.hint.is_refusal() {
            RetryReason::Refused
        } else {
            RetryReason::Failed
        };
        let status = Some(refused.parts.status);
        match self.after_failure(failed, reason, status, policy) {
            Ok(next) => Some(next),
            Err(why) => {
                if let Some(mark) = NotSentAgain::from_reason(why) {
                    refused.parts.extensions.insert(mark);
                }
                refused.disposition = Some(Disposition::Return(why));
                None
            }
        }
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
                disposition = Disposition::Return(GiveUpReason::Outage);
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
        status: StatusCode,
        policy: &Policy<C, H, K>,
    ) -> Option<Box<PendingAttempt<Req>>> {
        let now = Instant::now();
        if !self.pay_for_attempt(now, &policy.config) {
            return None;
        }
        policy.clone.prepare(&mut request, policy.config.buffer);
        self.keep(policy.clone.clone_request(&request));
        policy.config.tell(|| Event::RetryScheduled {
            attempt: self.attempts + 1,
            after: Duration::ZERO,
            why: RetryReason::Hook,
            status: Some(status),
            server: policy.clone.server(&request),
        });
        Some(PendingAttempt::new(request, None))
    }

    /// Tells that the request is not sent again. Its caller gets an answer with `status`, or an error.
    pub(super) fn give_up<C, H, K: CloneRequest<Req>>(
        &self,
        why: GiveUpReason,
        status: Option<StatusCode>,
        policy: &Policy<C, H, K>,
    ) {
        policy.config.tell(|| Event::GaveUp {
            attempts: self.attempts,
            why,
            status,
            server: self.server(policy),
        });
    }
}
