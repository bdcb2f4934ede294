//! The future.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;

use super::bounds::{Bounds, Wait};
use super::error::QueueError;
use super::room::Seat;
use crate::ask::{self, Ask, Reply};
use crate::priority::Priority;

pin_project! {
    /// The future of [`Queue`](super::Queue).
    ///
    /// Waits for the inner service to be ready, calls it, and waits for the answer.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it gives up its seat and its place in line. Dropped later, it drops the inner
    /// future.
    pub struct ResponseFuture<S, Req>
    where
        S: Service<Req>,
    {
        #[pin]
        state: State<S, Req, S::Future>,
        // Ends a wait that is bounded.
        #[pin]
        timer: Option<Sleep>,
        bounds: Bounds,
        seat: Seat,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F> {
        Waiting { service: S, request: Option<Req> },
        Called {
            #[pin]
            response: F,
            // Not while it waits for a gate that depends on the request.
            is_sent: bool,
        },
        Done,
    }
}

impl<S: Service<Req>, Req> ResponseFuture<S, Req> {
    #[inline]
    pub(super) fn new(service: S, request: Req, bounds: Bounds, seat: Seat) -> Self {
        Self {
            state: State::Waiting {
                service,
                request: Some(request),
            },
            timer: None,
            bounds,
            seat,
        }
    }
}

impl<S: Service<Req>, Req> Future for ResponseFuture<S, Req> {
    type Output = Result<S::Response, QueueError<S::Error>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let StateProj::Waiting { .. } = self.as_mut().project().state.project() {
            if let Err(error) = ready!(self.as_mut().poll_call(cx)) {
                // What it held is given up, even if the future is kept.
                self.as_mut().end();
                return Poll::Ready(Err(error));
            }
        }
        let result = ready!(self.as_mut().poll_response(cx));
        self.end();
        Poll::Ready(result)
    }
}

impl<S: Service<Req>, Req> ResponseFuture<S, Req> {
    fn end(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.state.set(State::Done);
        this.timer.set(None);
        *this.seat = Seat::None;
    }

    /// Waits until the inner service takes the request.
    fn poll_call(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), QueueError<S::Error>>> {
        if self.bounds.is_hopeless() {
            return Poll::Ready(Err(self.bounds.expired(Reply::default())));
        }
        let mut count = false;
        loop {
            let ask = Ask {
                count,
                ..self.bounds.ask()
            };
            let mut this = self.as_mut().project();
            let StateProj::Waiting { service, request } = this.state.as_mut().project() else {
                return Poll::Ready(Ok(()));
            };
            let (ready, reply) = ask::with_reply(ask, || service.poll_ready(cx));
            if let Poll::Ready(ready) = ready {
                ready.map_err(QueueError::Inner)?;
                let request = request.take().expect("a request is called once");
                let response = service.call(request);
                this.state.set(State::Called {
                    response,
                    is_sent: false,
                });
                return Poll::Ready(Ok(()));
            }
            let bounds = self
                .as_mut()
                .poll_bounds(&mut count, ask.priority, reply, cx);
            ready!(bounds)?;
        }
    }

    /// Waits until a bound ends the wait of a request that was not sent yet, or until the gates are to be asked
    /// again.
    fn poll_bounds(
        self: Pin<&mut Self>,
        count: &mut bool,
        priority: Option<Priority>,
        reply: Reply,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), QueueError<S::Error>>> {
        let this = self.project();
        if !this.seat.may_wait(priority.unwrap_or_default(), cx) {
            return Poll::Ready(Err(QueueError::Full));
        }
        match this.bounds.wait(reply) {
            Wait::Until(until) => poll_timer(this.timer, until, cx).map(Ok),
            Wait::Fails(error) => Poll::Ready(Err(error)),
            // To count who is ahead takes a while, so it is asked only of those who need it.
            Wait::TimedOut(_) if !*count => {
                *count = true;
                Poll::Ready(Ok(()))
            }
            Wait::TimedOut(waited) => {
                let ahead = reply.ahead;
                Poll::Ready(Err(QueueError::TimedOut { waited, ahead }))
            }
        }
    }

    /// Waits for the answer. Until the request is sent, its wait is bounded, as a gate below may know its line
    /// only now.
    fn poll_response(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Response, QueueError<S::Error>>> {
        let mut count = false;
        loop {
            let ask = Ask {
                count,
                ..self.bounds.ask()
            };
            let mut this = self.as_mut().project();
            let StateProj::Called { response, is_sent } = this.state.as_mut().project() else {
                panic!("`ResponseFuture` polled after it was done");
            };
            let ((answer, reply), is_unsent) =
                ask::poll_attempt(|| ask::with_reply(ask, || response.poll(cx)));
            if let Poll::Ready(answer) = answer {
                return Poll::Ready(answer.map_err(QueueError::Inner));
            }
            if !*is_sent && is_unsent {
                let bounds = self
                    .as_mut()
                    .poll_bounds(&mut count, ask.priority, reply, cx);
                ready!(bounds)?;
                continue;
            }
            if !std::mem::replace(is_sent, true) {
                this.timer.set(None);
                *this.seat = Seat::None;
            }
            if this.bounds.is_too_late(reply) {
                return Poll::Ready(Err(this.bounds.expired(reply)));
            }
            // A retry that waits is asked again at the deadline, as nothing else may wake it.
            let deadline = this.bounds.deadline();
            let to_come = deadline.filter(|deadline| Instant::now() < *deadline);
            ready!(poll_timer(this.timer, to_come, cx));
        }
    }
}

/// Waits until then, or for ever.
fn poll_timer(
    mut timer: Pin<&mut Option<Sleep>>,
    until: Option<Instant>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let Some(until) = until else {
        return Poll::Pending;
    };
    if timer.as_ref().get_ref().as_ref().map(Sleep::deadline) != Some(until) {
        timer.set(Some(sleep_until(until)));
    }
    let timer = timer.as_pin_mut();
    timer.map_or(Poll::Pending, |timer| timer.poll(cx))
}

impl<S: Service<Req>, Req> fmt::Debug for ResponseFuture<S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("bounds", &self.bounds)
            .field("seat", &self.seat)
            .finish_non_exhaustive()
    }
}
