//! The future of [`RetryOn429`](super::RetryOn429).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_service::Service;

use super::body::ResponseBody;
use super::classify::{Classify, Decision, RefusalsOnly};
use super::clone::{CloneRequest, Replay};
use super::finish::{accept, copy, finish, mark, pass_on};
use super::hook::{NoHook, OnRefusal, Refusal};
use super::judge::{Disposition, HeadClass, Refused};
use super::next::{self, Next, Ready, ask_hook};
use super::plan::RetryState;
use super::policy::Policy;
use crate::message::{HttpResponse, WithBody};

pub(super) type BodyOf<R> = <R as HttpResponse>::Body;

/// What [`RetryOn429`](super::RetryOn429) makes of a response.
pub(super) type Answer<R> = <R as WithBody<ResponseBody<BodyOf<R>>>>::Output;

pin_project! {
    /// The future of [`RetryOn429`](super::RetryOn429): one logical request with all its attempts.
    ///
    /// Dropping it ends the request wherever it is: in an attempt, while a refused answer is read,
    /// in a wait, or while the inner service is not ready.
    pub struct ResponseFuture<S, Req, C = RefusalsOnly, H = NoHook, K = Replay>
    where
        S: Service<Req>,
        S::Response: HttpResponse,
        H: OnRefusal<Req>,
    {
        #[pin]
        state: State<S::Future, BodyOf<S::Response>, Req, H::Future>,
        // `None` once the answer was given: a future that is kept holds nothing then.
        service: Option<S>,
        // What another attempt sends. `None` if there can be none.
        kept: Option<Req>,
        // `None` once the answer was given.
        policy: Option<Arc<Policy<C, H, K>>>,
        retry: RetryState,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B, Req, A>
    where
        B: Body,
    {
        Called { #[pin] future: F },
        // Boxed, as are the attempts to come, so that the many futures that meet no refusal stay small.
        // `acting` is what the hook does about it.
        Reading { refused: Option<Box<Refused<B>>>, #[pin] acting: Option<A> },
        Waiting { next: Box<Next<Req>> },
        Done,
    }
}

impl<S, Req, C, H, K> ResponseFuture<S, Req, C, H, K>
where
    S: Service<Req>,
    S::Response: HttpResponse,
    H: OnRefusal<Req>,
{
    /// A request whose first attempt was sent.
    #[inline]
    pub(super) fn sent(
        future: S::Future,
        service: S,
        kept: Option<Req>,
        policy: Arc<Policy<C, H, K>>,
        retry: RetryState,
    ) -> Self {
        Self {
            state: State::Called { future },
            service: Some(service),
            kept,
            policy: Some(policy),
            retry,
        }
    }

    /// A request whose first attempt is sent when `service` is ready, and the circuit allows it.
    pub(super) fn waiting(
        request: Req,
        service: S,
        kept: Option<Req>,
        policy: Arc<Policy<C, H, K>>,
        retry: RetryState,
    ) -> Self {
        let next = Next::new(request, None);
        Self {
            state: State::Waiting { next },
            service: Some(service),
            kept,
            policy: Some(policy),
            retry,
        }
    }
}

impl<S, Req, C, H, K> Future for ResponseFuture<S, Req, C, H, K>
where
    S: Service<Req> + Clone,
    S::Response: WithBody<ResponseBody<BodyOf<S::Response>>>,
    C: Classify<S::Error>,
    H: OnRefusal<Req>,
    K: CloneRequest<Req>,
{
    type Output = Result<Answer<S::Response>, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = self.as_mut().poll_answer(cx);
        if answer.is_ready() {
            let mut this = self.project();
            this.state.set(State::Done);
            (*this.service, *this.policy) = (None, None);
        }
        answer
    }
}

impl<S, Req, C, H, K> ResponseFuture<S, Req, C, H, K>
where
    S: Service<Req> + Clone,
    S::Response: WithBody<ResponseBody<BodyOf<S::Response>>>,
    C: Classify<S::Error>,
    H: OnRefusal<Req>,
    K: CloneRequest<Req>,
{
    #[inline]
    fn poll_answer(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Answer<S::Response>, S::Error>> {
        let mut this = self.project();
        let policy = this.policy.as_deref().expect("polled after completion");
        let retry = this.retry;
        loop {
            let state = match this.state.as_mut().project() {
                StateProj::Called { future } => {
                    // Judged where it lies: a response is large, and each move of it costs.
                    let mut polled = future.poll(cx);
                    let decision = match &mut polled {
                        Poll::Pending => {
                            // An answer that is there at once needs no clock.
                            retry.sent_at.get_or_insert_with(Instant::now);
                            return Poll::Pending;
                        }
                        Poll::Ready(Err(error)) => policy.classify.classify(Err(&*error)),
                        Poll::Ready(Ok(response)) => match policy.glance::<_, S::Error>(response) {
                            Ok(served) => {
                                accept(response.extensions_mut(), served, policy, retry);
                                return polled.map_ok(pass_on);
                            }
                            Err(decision) => decision,
                        },
                    };
                    let (result, kept) = (ready!(polled), this.kept.as_ref());
                    match on_failure::<S, Req, C, H, K>(result, decision, kept, policy, retry) {
                        Step::Done(result) => return Poll::Ready(result),
                        Step::Go(state) => state,
                    }
                }
                StateProj::Reading {
                    refused: slot,
                    mut acting,
                } => {
                    let refused = slot.as_deref_mut().expect("polled after completion");
                    ready!(refused.drain.poll(cx));
                    if refused.disposition.is_none() {
                        acting.set(on_read(refused, this.kept.as_ref(), policy, retry));
                    }
                    let next = match (acting.as_pin_mut(), refused.disposition) {
                        (Some(acting), _) => ready!(acting.poll(cx))
                            .and_then(|request| next::with(request, this.kept, policy, retry)),
                        (None, Some(Disposition::Retry(failed))) => {
                            next::after(failed, this.kept.as_ref(), policy, retry)
                                .map_err(|why| why.map(|why| refused.parts.extensions.insert(why)))
                                .ok()
                        }
                        (None, _) => None,
                    };
                    let Some(next) = next else {
                        let refused = slot.take().expect("polled after completion");
                        return Poll::Ready(Ok(finish::<S::Response, C, H, K>(
                            *refused, policy, retry,
                        )));
                    };
                    // The refused answer is dropped here, before the wait: a connection or a
                    // permit that hangs on it is of use to others meanwhile.
                    State::Waiting { next }
                }
                StateProj::Waiting { next } => {
                    let service = this.service.as_mut().expect("polled after completion");
                    let ready = next.poll_ready(service, policy, retry, cx);
                    if let Ready::Answer(unsent) = ready!(ready)? {
                        let answer = copy::<S::Response, Req, C, H, K>(next, unsent, policy, retry);
                        return Poll::Ready(Ok(answer));
                    }
                    retry.sent();
                    let request = next.take(policy, retry.attempts);
                    let future = service.call(request);
                    if retry.attempts >= policy.config.max_attempts {
                        // Lets a replayable body forget what nobody will read again.
                        if let Some(kept) = this.kept.take() {
                            retry.gone.route = policy.clone.route(&kept);
                        }
                    }
                    State::Called { future }
                }
                StateProj::Done => panic!("polled after completion"),
            };
            this.state.set(state);
        }
    }
}

/// What follows an attempt's end.
enum Step<R, E, F, Req, A>
where
    R: WithBody<ResponseBody<BodyOf<R>>>,
{
    Done(Result<Answer<R>, E>),
    Go(State<F, BodyOf<R>, Req, A>),
}

type StepOf<S, Req, H> = Step<
    <S as Service<Req>>::Response,
    <S as Service<Req>>::Error,
    <S as Service<Req>>::Future,
    Req,
    <H as OnRefusal<Req>>::Future,
>;

/// Decides about an attempt that was not accepted at a glance, and of which the classifier says `decision`.
#[cold]
fn on_failure<S, Req, C, H, K>(
    mut result: Result<S::Response, S::Error>,
    decision: Decision,
    kept: Option<&Req>,
    policy: &Policy<C, H, K>,
    retry: &mut RetryState,
) -> StepOf<S, Req, H>
where
    S: Service<Req>,
    S::Response: WithBody<ResponseBody<BodyOf<S::Response>>>,
    H: OnRefusal<Req>,
    K: CloneRequest<Req>,
{
    let repeatable = || retry.may_repeat(kept, policy);
    let Ok(response) = &mut result else {
        let may = decision.allows(repeatable);
        return match next::after_error(may, kept, policy, retry) {
            Some(next) => Step::Go(State::Waiting { next }),
            None => Step::Done(result.map(pass_on)),
        };
    };
    let (context, disposition, acting) =
        match policy.judge(&*response, decision, retry.sent_at, repeatable) {
            HeadClass::Read(context) => (context, None, None),
            HeadClass::Returned(context, disposition) => {
                let refusal = Refusal {
                    status: response.status(),
                    headers: response.headers(),
                    hint: &context.hint,
                    attempt: retry.attempts,
                };
                let acting = ask_hook(refusal, kept, policy, retry);
                if acting.is_none() {
                    let extensions = response.extensions_mut();
                    mark(extensions, disposition, context.hint, policy, retry);
                    return Step::Done(result.map(pass_on));
                }
                (context, Some(disposition), acting)
            }
        };
    Step::Go(State::Reading {
        refused: result
            .ok()
            .map(|response| policy.read(response, context, disposition)),
        acting,
    })
}

/// Decides about a refused answer that was read, and asks the hook.
fn on_read<B, Req, C, H, K>(
    refused: &mut Refused<B>,
    kept: Option<&Req>,
    policy: &Policy<C, H, K>,
    retry: &mut RetryState,
) -> Option<H::Future>
where
    B: Body,
    H: OnRefusal<Req>,
    K: CloneRequest<Req>,
{
    let mut disposition = policy.dispose(refused);
    if let Some(mut rejection) = disposition.rejection() {
        rejection.route = kept.map_or(retry.gone.route, |kept| policy.clone.route(kept));
        if retry.note(
            rejection,
            Some(refused.copy()),
            &policy.config,
            &policy.shared,
        ) {
            disposition = Disposition::Return;
        }
    }
    refused.disposition = Some(disposition);
    let refusal = Refusal {
        status: refused.parts.status,
        headers: &refused.parts.headers,
        hint: &refused.context.hint,
        attempt: retry.attempts,
    };
    ask_hook(refusal, kept, policy, retry)
}

impl<S, Req, C, H, K> fmt::Debug for ResponseFuture<S, Req, C, H, K>
where
    S: Service<Req>,
    S::Response: HttpResponse,
    H: OnRefusal<Req>,
{
    /// Shows nothing of request and response.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Called { .. } => "Called",
            State::Reading {
                acting: Some(_), ..
            } => "Acting",
            State::Reading { .. } => "Reading",
            State::Waiting { .. } => "Waiting",
            State::Done => "Done",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &state)
            .field("attempts", &self.retry.attempts)
            .finish_non_exhaustive()
    }
}
