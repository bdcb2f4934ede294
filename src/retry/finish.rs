//! How a request ends: with the server's answer, or with a copy of another one.

use http::{Extensions, StatusCode};
use tokio::time::Instant;

use super::attempts::Attempts;
use super::body::{Answer, BodyOf, ResponseBody};
use super::circuit::Rejection;
use super::clone::CloneRequest;
use super::judge::{Disposition, Refused};
use super::last_refusal::unavailable;
use super::pending::PendingAttempt;
use super::policy::Policy;
use super::state::RetryState;
use crate::hint::Hint;
use crate::message::{Unsent, WithBody};
use crate::observe::{Circuit, Event, GiveUpReason, Reason};

/// A response whose body was not read.
#[inline]
pub(super) fn pass_on<R: WithBody<ResponseBody<BodyOf<R>>>>(response: R) -> Answer<R> {
    response.map_body(ResponseBody::new)
}

/// A response that was read, with its body whole.
pub(super) fn finish<R, Req, C, H, K>(
    refused: Refused<BodyOf<R>>,
    policy: &Policy<C, H, K>,
    retry: &mut RetryState<Req>,
) -> Answer<R>
where
    R: WithBody<ResponseBody<BodyOf<R>>>,
    K: CloneRequest<Req>,
{
    let for_good = Disposition::Return(GiveUpReason::ForGood);
    let disposition = refused.disposition.unwrap_or(for_good);
    let (mut parts, body, hint) = refused.into_parts();
    let status = parts.status;
    let extensions = &mut parts.extensions;
    mark(extensions, status, disposition, hint, policy, retry);
    R::from_parts(parts, body)
}

/// Records in a response that is returned what came of the request.
pub(super) fn mark<Req, C, H, K>(
    extensions: &mut Extensions,
    status: StatusCode,
    disposition: Disposition,
    hint: Hint,
    policy: &Policy<C, H, K>,
    retry: &mut RetryState<Req>,
) where
    K: CloneRequest<Req>,
{
    if let Disposition::Accept { served } = disposition {
        accept(extensions, served, policy, retry);
    } else {
        // Whatever it says, it is no acceptance, and the next probe has its distance. What a layer below
        // answered without sending is nothing that a server said.
        if retry.is_probe() && Unsent::of(extensions).is_none() {
            let rejection = Rejection {
                wait: hint.wait(),
                ..Rejection::without_word(Instant::now())
            };
            retry.on_rejected(rejection, None, &policy.config, &policy.shared);
        }
        let why = disposition.why_returned().unwrap_or(GiveUpReason::Hook);
        retry.give_up(why, Some(status), policy);
        extensions.insert(Attempts::new(retry.attempts));
        extensions.insert(hint);
        retry.end();
    }
}

/// Records an answer that the caller was waiting for.
#[inline]
pub(super) fn accept<Req, C, H, K>(
    extensions: &mut Extensions,
    served: bool,
    policy: &Policy<C, H, K>,
    retry: &mut RetryState<Req>,
) {
    if served {
        if policy.shared.circuit.accepted(retry.sent_at) {
            policy.config.tell(|| Event::CircuitChanged {
                from: Circuit::Open,
                to: Circuit::Closed,
                why: Reason::Recovery,
            });
        }
        if let Some(sent_at) = retry.sent_at {
            policy.shared.latency.record(sent_at.elapsed());
        }
        if let Some(budget) = &policy.config.budget {
            budget.deposit();
        }
    } else if retry.is_probe() {
        // It tells of a server that answers, and serves nobody.
        let rejection = Rejection::without_word(Instant::now());
        retry.on_rejected(rejection, None, &policy.config, &policy.shared);
    }
    policy.config.tell(|| Event::Done {
        attempts: retry.attempts,
    });
    if retry.attempts > 1 {
        extensions.insert(Attempts::new(retry.attempts));
    }
    retry.end();
}

/// The answer to a request that is not sent: a copy of the last refusal, if there was one.
pub(super) fn copy<R, Req, C, H, K>(
    next: &PendingAttempt<Req>,
    unsent: Unsent,
    policy: &Policy<C, H, K>,
    retry: &mut RetryState<Req>,
) -> Answer<R>
where
    R: WithBody<ResponseBody<BodyOf<R>>>,
    K: CloneRequest<Req>,
{
    let why = GiveUpReason::Unsent(unsent.cause());
    let (mut parts, data) = match policy.shared.circuit.last() {
        Some(last) => last.copy(unsent),
        None => unavailable(unsent),
    };
    parts.extensions.insert(Attempts::new(retry.attempts));
    if let Some(request) = next.request() {
        policy.clone.mark_response(request, &mut parts);
    }
    retry.give_up(why, Some(parts.status), policy);
    retry.end();
    R::from_parts(parts, ResponseBody::kept(data))
}
