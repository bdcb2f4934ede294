//! The future of [`RetryOn429`](super::RetryOn429).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Extensions;
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;

use super::attempts::Attempts;
use super::body::ResponseBody;
use super::classify::Classify;
use super::drain::Drain;
use super::judge::{Judged, Refused, Sentence};
use super::pause::{PauseWait, later};
use super::plan::{Course, Setback, is_repeatable};
use super::policy::Policy;
use crate::hint::Hint;
use crate::message::{HttpResponse, ReplayRequest, WithBody};

pub(super) type BodyOf<R> = <R as HttpResponse>::Body;

pin_project! {
    /// The future of [`RetryOn429`](super::RetryOn429): one logical request with all its attempts.
    ///
    /// Dropping it ends the request wherever it is: in an attempt, while a refused answer is read,
    /// in a wait, or while the inner service is not ready.
    pub struct ResponseFuture<S, Req, C>
    where
        S: Service<Req>,
        S::Response: HttpResponse,
    {
        #[pin]
        state: State<S::Future, BodyOf<S::Response>, Req>,
        service: S,
        // What another attempt sends. `None` if there can be none.
        kept: Option<Req>,
        policy: Arc<Policy<C>>,
        course: Course,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B, Req>
    where
        B: Body,
    {
        Called { #[pin] future: F },
        // Boxed, as are the retries, so that the many futures that meet no refusal stay small.
        Reading { refused: Option<Box<Refused<B>>> },
        Retrying { retry: Box<Retry<Req>> },
    }
}

/// An attempt to come.
struct Retry<Req> {
    request: Option<Req>,
    backoff: Option<Pin<Box<Sleep>>>,
    pause: Option<PauseWait>,
    admitted: bool,
}

impl<S, Req, C> ResponseFuture<S, Req, C>
where
    S: Service<Req>,
    S::Response: HttpResponse,
{
    #[inline]
    pub(super) fn new(
        future: S::Future,
        service: S,
        kept: Option<Req>,
        policy: Arc<Policy<C>>,
    ) -> Self {
        let course = Course::begin(&policy.config);
        Self {
            state: State::Called { future },
            service,
            kept,
            policy,
            course,
        }
    }
}

impl<S, Req, C> Future for ResponseFuture<S, Req, C>
where
    S: Service<Req>,
    S::Response: WithBody<ResponseBody<BodyOf<S::Response>>>,
    Req: ReplayRequest,
    C: Classify<S::Error>,
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
                            let repeatable = || kept.is_some_and(is_repeatable);
                            match policy.judge::<_, S::Error>(response, repeatable) {
                                Judged::Read(refusal) => {
                                    let refused = result.ok().map(|response| {
                                        let (parts, body) = response.into_parts();
                                        let drain = Drain::new(body, policy.config.drain);
                                        Box::new(Refused {
                                            parts,
                                            drain,
                                            refusal,
                                        })
                                    });
                                    State::Reading { refused }
                                }
                                Judged::Accepted { served } => {
                                    accept(response.extensions_mut(), served, policy, this.course);
                                    return Poll::Ready(result.map(pass_on));
                                }
                                Judged::Final(hint) => {
                                    give_up(response.extensions_mut(), hint, this.course);
                                    return Poll::Ready(result.map(pass_on));
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
                            let retry = this
                                .kept
                                .as_ref()
                                .filter(|kept| decision.allows(|| is_repeatable(*kept)))
                                .and_then(|kept| plan(kept, setback, policy, this.course));
                            match retry {
                                Some(retry) => State::Retrying { retry },
                                None => return Poll::Ready(result.map(pass_on)),
                            }
                        }
                    }
                }
                StateProj::Reading { refused: slot } => {
                    if let Some(refused) = slot {
                        ready!(refused.drain.poll(cx));
                    }
                    let mut refused = slot.take().expect("polled after completion");
                    let sentence = policy.sentence(&mut refused);
                    let retry = match (&sentence, &*this.kept) {
                        (Sentence::Retry(setback), Some(kept)) => {
                            plan(kept, *setback, policy, this.course)
                        }
                        _ => None,
                    };
                    match retry {
                        // The refused answer is dropped here, before the wait: a connection or a
                        // permit that hangs on it is of use to others meanwhile.
                        Some(retry) => State::Retrying { retry },
                        None => {
                            let (mut parts, body, hint) = refused.into_parts();
                            let extensions = &mut parts.extensions;
                            match sentence {
                                Sentence::Accept => accept(extensions, true, policy, this.course),
                                _ => give_up(extensions, hint, this.course),
                            }
                            return Poll::Ready(Ok(S::Response::from_parts(parts, body)));
                        }
                    }
                }
                StateProj::Retrying { retry } => {
                    ready!(retry.poll_due(policy, this.course, cx));
                    ready!(this.service.poll_ready(cx))?;
                    let mut request = retry.request.take().expect("polled after completion");
                    this.course.attempts += 1;
                    if let Some(name) = &policy.config.attempt_header {
                        request
                            .headers_mut()
                            .insert(name, this.course.attempts.into());
                    }
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

impl<Req> Retry<Req> {
    /// Waits until the attempt may begin.
    fn poll_due<C>(
        &mut self,
        policy: &Policy<C>,
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
            ready!(policy.shared.poll_pause(&mut self.pause, latest, cx));
            self.admitted = true;
        }
        Poll::Ready(())
    }
}

/// The next attempt, if the bounds allow one and the request can still be copied.
fn plan<Req: ReplayRequest, C>(
    kept: &Req,
    setback: Setback,
    policy: &Policy<C>,
    course: &mut Course,
) -> Option<Box<Retry<Req>>> {
    let until = course.plan(setback, &policy.config, &policy.shared)?;
    // Copied before the wait: a request that can no longer be copied shall return its answer.
    let request = Some(kept.try_clone()?);
    let backoff = Some(Box::pin(sleep_until(until)));
    Some(Box::new(Retry {
        request,
        backoff,
        pause: None,
        admitted: false,
    }))
}

/// A response whose body was not looked into.
#[inline]
fn pass_on<R: WithBody<ResponseBody<BodyOf<R>>>>(response: R) -> R::Output {
    response.map_body(ResponseBody::new)
}

#[inline]
fn accept<C>(extensions: &mut Extensions, served: bool, policy: &Policy<C>, course: &Course) {
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

fn give_up(extensions: &mut Extensions, hint: Hint, course: &Course) {
    extensions.insert(Attempts::new(course.attempts));
    extensions.insert(hint);
}

impl<S, Req, C> fmt::Debug for ResponseFuture<S, Req, C>
where
    S: Service<Req>,
    S::Response: HttpResponse,
{
    /// Shows nothing of request and response.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Called { .. } => "Called",
            State::Reading { .. } => "Reading",
            State::Retrying { .. } => "Retrying",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &state)
            .field("attempts", &self.course.attempts)
            .finish_non_exhaustive()
    }
}
