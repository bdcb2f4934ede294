//! The future of [`RetryOn429`](super::RetryOn429).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Extensions;
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_service::Service;

use super::attempts::Attempts;
use super::body::ResponseBody;
use super::classify::{Classify, RefusalsOnly};
use super::clone::{CloneRequest, Replay};
use super::hook::{NoHook, OnRefusal, Refusal};
use super::judge::{Judged, Refused, Sentence};
use super::next::{self, Next, ask};
use super::plan::{Course, Setback};
use super::policy::Policy;
use crate::hint::Hint;
use crate::message::{HttpResponse, WithBody};

pub(super) type BodyOf<R> = <R as HttpResponse>::Body;

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
        service: S,
        // What another attempt sends. `None` if there can be none.
        kept: Option<Req>,
        policy: Arc<Policy<C, H, K>>,
        course: Course,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B, Req, A>
    where
        B: Body,
    {
        Called { #[pin] future: F },
        // Boxed, as are the retries, so that the many futures that meet no refusal stay small.
        // `acting` is what the hook does about it.
        Reading { refused: Option<Box<Refused<B>>>, #[pin] acting: Option<A> },
        Retrying { next: Box<Next<Req>> },
    }
}

impl<S, Req, C, H, K> ResponseFuture<S, Req, C, H, K>
where
    S: Service<Req>,
    S::Response: HttpResponse,
    H: OnRefusal<Req>,
{
    #[inline]
    pub(super) fn new(
        future: S::Future,
        service: S,
        kept: Option<Req>,
        repeatable: bool,
        policy: Arc<Policy<C, H, K>>,
    ) -> Self {
        let course = Course::begin(&policy.config, repeatable);
        Self {
            state: State::Called { future },
            service,
            kept,
            policy,
            course,
        }
    }
}

impl<S, Req, C, H, K> Future for ResponseFuture<S, Req, C, H, K>
where
    S: Service<Req>,
    S::Response: WithBody<ResponseBody<BodyOf<S::Response>>>,
    C: Classify<S::Error>,
    H: OnRefusal<Req>,
    K: CloneRequest<Req>,
{
    type Output =
        Result<<S::Response as WithBody<ResponseBody<BodyOf<S::Response>>>>::Output, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let policy = &**this.policy;
        loop {
            let state = match this.state.as_mut().project() {
                StateProj::Called { future } => {
                    let mut result = ready!(future.poll(cx));
                    // Judged where it lies: a response is large, and each move of it costs.
                    match &mut result {
                        Ok(response) => {
                            let kept = this.kept.as_ref();
                            let repeatable = || this.course.may_repeat(kept, policy);
                            match policy.judge::<_, S::Error>(response, repeatable) {
                                Judged::Accepted { served } => {
                                    accept(response.extensions_mut(), served, policy, this.course);
                                    return Poll::Ready(result.map(pass_on));
                                }
                                Judged::Read(notes) => State::Reading {
                                    refused: result
                                        .ok()
                                        .map(|response| policy.read(response, notes, None)),
                                    acting: None,
                                },
                                Judged::Returned(notes, sentence) => {
                                    let refusal = Refusal {
                                        status: response.status(),
                                        headers: response.headers(),
                                        hint: &notes.hint,
                                        attempt: this.course.attempts,
                                    };
                                    let acting = ask(refusal, kept, policy, this.course);
                                    if acting.is_none() {
                                        let extensions = response.extensions_mut();
                                        finish(
                                            extensions,
                                            sentence,
                                            notes.hint,
                                            policy,
                                            this.course,
                                        );
                                        return Poll::Ready(result.map(pass_on));
                                    }
                                    State::Reading {
                                        refused: result.ok().map(|response| {
                                            policy.read(response, notes, Some(sentence))
                                        }),
                                        acting,
                                    }
                                }
                            }
                        }
                        Err(error) => {
                            let decision = policy.classify.classify(Err(&*error));
                            let setback = Setback {
                                at: Instant::now(),
                                wait: None,
                                governed: false,
                            };
                            let kept = this.kept.as_ref();
                            if !decision.allows(|| this.course.may_repeat(kept, policy)) {
                                return Poll::Ready(result.map(pass_on));
                            }
                            match next::after(setback, kept, policy, this.course) {
                                Ok(next) => State::Retrying { next },
                                Err(_) => return Poll::Ready(result.map(pass_on)),
                            }
                        }
                    }
                }
                StateProj::Reading {
                    refused: slot,
                    mut acting,
                } => {
                    let refused = slot.as_deref_mut().expect("polled after completion");
                    ready!(refused.drain.poll(cx));
                    let sentence = match refused.sentence {
                        Some(sentence) => sentence,
                        None => {
                            let sentence = policy.sentence(refused);
                            refused.sentence = Some(sentence);
                            let refusal = Refusal {
                                status: refused.parts.status,
                                headers: &refused.parts.headers,
                                hint: &refused.notes.hint,
                                attempt: this.course.attempts,
                            };
                            acting.set(ask(refusal, this.kept.as_ref(), policy, this.course));
                            sentence
                        }
                    };
                    let next = match (acting.as_pin_mut(), sentence) {
                        (Some(acting), _) => ready!(acting.poll(cx)).and_then(|request| {
                            next::with(request, this.kept, policy, this.course)
                        }),
                        (None, Sentence::Retry(setback)) => {
                            let kept = this.kept.as_ref();
                            next::after(setback, kept, policy, this.course)
                                .map_err(|why| why.map(|why| refused.parts.extensions.insert(why)))
                                .ok()
                        }
                        (None, _) => None,
                    };
                    match next {
                        // The refused answer is dropped here, before the wait: a connection or a
                        // permit that hangs on it is of use to others meanwhile.
                        Some(next) => State::Retrying { next },
                        None => {
                            let refused = slot.take().expect("polled after completion");
                            let (mut parts, body, hint) = refused.into_parts();
                            finish(&mut parts.extensions, sentence, hint, policy, this.course);
                            return Poll::Ready(Ok(S::Response::from_parts(parts, body)));
                        }
                    }
                }
                StateProj::Retrying { next } => {
                    ready!(next.poll_due(policy, this.course, cx));
                    ready!(this.service.poll_ready(cx))?;
                    this.course.attempts += 1;
                    let request = next.take(policy, this.course.attempts);
                    let future = this.service.call(request);
                    if this.course.attempts >= policy.config.max_attempts {
                        // Lets a replayable body forget what nobody will read again.
                        *this.kept = None;
                    }
                    State::Called { future }
                }
            };
            this.state.set(state);
        }
    }
}

/// A response whose body was not looked into.
#[inline]
fn pass_on<R: WithBody<ResponseBody<BodyOf<R>>>>(response: R) -> R::Output {
    response.map_body(ResponseBody::new)
}

/// Notes in a response that is returned what came of the request.
fn finish<C, H, K>(
    extensions: &mut Extensions,
    sentence: Sentence,
    hint: Hint,
    policy: &Policy<C, H, K>,
    course: &Course,
) {
    if let Sentence::Accept { served } = sentence {
        accept(extensions, served, policy, course);
    } else {
        extensions.insert(Attempts::new(course.attempts));
        extensions.insert(hint);
    }
}

#[inline]
fn accept<C, H, K>(
    extensions: &mut Extensions,
    served: bool,
    policy: &Policy<C, H, K>,
    course: &Course,
) {
    if served {
        policy.shared.accepted();
        if let Some(budget) = &policy.config.budget {
            budget.deposit();
        }
    }
    if course.attempts > 1 {
        extensions.insert(Attempts::new(course.attempts));
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
            State::Called { .. } => "Called",
            State::Reading {
                acting: Some(_), ..
            } => "Acting",
            State::Reading { .. } => "Reading",
            State::Retrying { .. } => "Retrying",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &state)
            .field("attempts", &self.course.attempts)
            .finish_non_exhaustive()
    }
}
