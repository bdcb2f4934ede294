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

use super::body::{Answer, BodyOf, ResponseBody};
use super::classify::{Classify, Decision, RefusalsOnly};
use super::clone::{CloneRequest, Replay};
use super::finish::{accept, copy, finish, mark, pass_on};
use super::hook::{NoHook, OnRefusal, Refusal};
use super::judge::{HeadClass, Refused};
use super::pending::{PendingAttempt, Ready};
use super::policy::Policy;
use super::state::RetryState;
use crate::ask;
use crate::message::{HttpResponse, WithBody};

/// What a request comes to.
type Outcome<S, Req> = Result<Answer<<S as Service<Req>>::Response>, <S as Service<Req>>::Error>;

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
        // `None` once the answer was given.
        policy: Option<Arc<Policy<C, H, K>>>,
        retry: RetryState<Req>,
    }
}

pin_project! {
    /// Where a request is. Refused answers and attempts to come are boxed, so that the many futures that meet
    /// no refusal stay small.
    #[project = StateProj]
    #[project_replace = StateOwned]
    enum State<F, B, Req, A>
    where
        B: Body,
    {
        /// An attempt is in flight.
        Calling { #[pin] future: F },
        /// A refused answer is read. `acting` is what the hook does about it, if its head was enough to
        /// decide.
        Reading { refused: Box<Refused<B>>, acting: Option<A> },
        /// A refused answer was read, and the hook acts.
        Acting { refused: Box<Refused<B>>, #[pin] acting: A },
        /// Another attempt is due later.
        Waiting { next: Box<PendingAttempt<Req>> },
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
        policy: Arc<Policy<C, H, K>>,
        retry: RetryState<Req>,
    ) -> Self {
        Self {
            state: State::Calling { future },
            service: Some(service),
            policy: Some(policy),
            retry,
        }
    }

    /// A request whose first attempt is sent when `service` is ready, and the circuit allows it.
    pub(super) fn waiting(
        request: Req,
        service: S,
        policy: Arc<Policy<C, H, K>>,
        retry: RetryState<Req>,
    ) -> Self {
        let next = PendingAttempt::new(request, None);
        Self {
            state: State::Waiting { next },
            service: Some(service),
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
        let outcome = self.as_mut().poll_outcome(cx);
        if outcome.is_ready() {
            let mut this = self.project();
            this.state.set(State::Done);
            (*this.service, *this.policy) = (None, None);
        }
        outcome
    }
}

/// What the result of an attempt is found to be.
enum Glance {
    /// There is none yet.
    Pending,
    Accepted,
    /// The classifier says this of it.
    Other(Decision),
}

/// A method for each state: `on_failure` for an attempt that was not accepted at once, `poll_*` for the others.
/// Each returns what the request comes to, or `None` if it entered the next state.
impl<S, Req, C, H, K> ResponseFuture<S, Req, C, H, K>
where
    S: Service<Req> + Clone,
    S::Response: WithBody<ResponseBody<BodyOf<S::Response>>>,
    C: Classify<S::Error>,
    H: OnRefusal<Req>,
    K: CloneRequest<Req>,
{
    #[inline]
    fn poll_outcome(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<S, Req>> {
        loop {
            let mut this = self.as_mut().project();
            let polled = match this.state.as_mut().project() {
                StateProj::Calling { future } => {
                    // Judged and passed on where it lies: a response is large, and each move of it costs.
                    let (mut result, is_unsent) = ask::poll_attempt(|| future.poll(cx));
                    if result.is_pending() && is_unsent {
                        // It waits for a gate that depends on the request.
                        return Poll::Pending;
                    }
                    let policy = this.policy.as_deref().expect("an attempt is in flight");
                    match glance(&mut result, policy, this.retry) {
                        Glance::Pending | Glance::Accepted => return result.map_ok(pass_on),
                        Glance::Other(decision) => {
                            result.map(|result| self.as_mut().on_failure(result, decision))
                        }
                    }
                }
                StateProj::Reading { .. } => self.as_mut().poll_reading(cx),
                StateProj::Acting { .. } => self.as_mut().poll_acting(cx),
                StateProj::Waiting { .. } => self.as_mut().poll_waiting(cx),
                StateProj::Done => panic!("polled after completion"),
            };
            if let Some(outcome) = ready!(polled) {
                return Poll::Ready(outcome);
            }
        }
    }

    /// Decides about an attempt that was not accepted at a glance, and of which the classifier says
    /// `decision`.
    #[cold]
    fn on_failure(
        self: Pin<&mut Self>,
        result: Result<S::Response, S::Error>,
        decision: Decision,
    ) -> Option<Outcome<S, Req>> {
        let mut this = self.project();
        let policy = this.policy.as_deref().expect("an attempt was in flight");
        let retry = this.retry;
        let mut response = match result {
            Ok(response) => response,
            Err(error) => {
                let may = decision.allows(|| retry.may_repeat(policy));
                let Some(next) = retry.after_error(may, policy) else {
                    return Some(Err(error));
                };
                this.state.set(State::Waiting { next });
                return None;
            }
        };
        let repeatable = || retry.may_repeat(policy);
        let head = policy.judge(&response, decision, retry.sent_at, repeatable);
        let (context, disposition, acting) = match head {
            HeadClass::Read(context) => (context, None, None),
            HeadClass::Returned(context, disposition) => {
                let refusal = Refusal {
                    status: response.status(),
                    headers: response.headers(),
                    hint: &context.hint,
                    attempt: retry.attempts,
                };
                let acting = retry.ask_hook(refusal, policy);
                if acting.is_none() {
                    let (status, hint) = (response.status(), context.hint);
                    let extensions = response.extensions_mut();
                    mark(extensions, status, disposition, hint, policy, retry);
                    return Some(Ok(pass_on(response)));
                }
                (context, Some(disposition), acting)
            }
        };
        let refused = policy.read(response, context, disposition);
        this.state.set(State::Reading { refused, acting });
        None
    }

    fn poll_reading(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome<S, Req>>> {
        let mut this = self.project();
        let (StateProj::Reading { refused, .. }, Some(policy)) =
            (this.state.as_mut().project(), this.policy)
        else {
            unreachable!("a refused answer is read");
        };
        ready!(refused.drain.poll(cx));
        let StateOwned::Reading {
            mut refused,
            mut acting,
        } = this.state.as_mut().project_replace(State::Done)
        else {
            unreachable!("a refused answer was read");
        };
        let retry = this.retry;
        if refused.disposition.is_none() {
            acting = retry.on_read(&mut refused, policy);
        }
        if let Some(acting) = acting {
            this.state.set(State::Acting { refused, acting });
            return Poll::Ready(None);
        }
        let next = retry.after_refused(&mut refused, policy);
        // The refused answer is dropped here, before the wait: a connection or a permit that hangs on it is
        // of use to others meanwhile.
        Poll::Ready(match next {
            Some(next) => {
                this.state.set(State::Waiting { next });
                None
            }
            None => Some(Ok(finish::<S::Response, _, _, _, _>(
                *refused, policy, retry,
            ))),
        })
    }

    fn poll_acting(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome<S, Req>>> {
        let mut this = self.project();
        let (StateProj::Acting { acting, refused }, Some(policy)) =
            (this.state.as_mut().project(), this.policy)
        else {
            unreachable!("the hook acts");
        };
        let status = refused.parts.status;
        let request = ready!(acting.poll(cx));
        let retry = this.retry;
        let next = request.and_then(|request| retry.with_request(request, status, policy));
        let state = match next {
            Some(next) => State::Waiting { next },
            None => State::Done,
        };
        let StateOwned::Acting { refused, .. } = this.state.as_mut().project_replace(state) else {
            unreachable!("the hook acted");
        };
        Poll::Ready(match &*this.state {
            State::Done => Some(Ok(finish::<S::Response, _, _, _, _>(
                *refused, policy, retry,
            ))),
            _ => None,
        })
    }

    fn poll_waiting(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome<S, Req>>> {
        let mut this = self.project();
        let (StateProj::Waiting { next }, Some(policy), Some(service)) =
            (this.state.as_mut().project(), this.policy, this.service)
        else {
            unreachable!("another attempt is due");
        };
        let retry = this.retry;
        match ready!(next.poll_ready(service, policy, retry, cx)) {
            Err(error) => return Poll::Ready(Some(Err(error))),
            Ok(Ready::Answer(unsent)) => {
                let answer = copy::<S::Response, _, _, _, _>(next, unsent, policy, retry);
                return Poll::Ready(Some(Ok(answer)));
            }
            Ok(Ready::Send) => {}
        }
        retry.sent();
        let request = next.take(policy, retry.attempts);
        let future = service.call(request);
        retry.drop_kept_at_last(policy);
        this.state.set(State::Calling { future });
        Poll::Ready(None)
    }
}

/// Looks at the result of an attempt, and accepts it if that is enough.
#[inline]
fn glance<R, E, Req, C, H, K>(
    result: &mut Poll<Result<R, E>>,
    policy: &Policy<C, H, K>,
    retry: &mut RetryState<Req>,
) -> Glance
where
    R: HttpResponse,
    C: Classify<E>,
{
    let response = match result {
        Poll::Pending => {
            // An answer that is there at once needs no clock.
            retry.sent_at.get_or_insert_with(Instant::now);
            return Glance::Pending;
        }
        Poll::Ready(Err(error)) => return Glance::Other(policy.classify.classify(Err(&*error))),
        Poll::Ready(Ok(response)) => response,
    };
    match policy.glance::<_, E>(response) {
        Ok(served) => {
            accept(response.extensions_mut(), served, policy, retry);
            Glance::Accepted
        }
        Err(decision) => Glance::Other(decision),
    }
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
            State::Calling { .. } => "Calling",
            State::Reading { .. } => "Reading",
            State::Acting { .. } => "Acting",
            State::Waiting { .. } => "Waiting",
            State::Done => "Done",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &state)
            .field("attempts", &self.retry.attempts)
            .finish_non_exhaustive()
    }
}
