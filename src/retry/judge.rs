//! What an answer means, before and after its body was read.

use std::time::SystemTime;

use http::response::Parts;
use http_body::Body;
use tokio::time::Instant;

use super::body::ResponseBody;
use super::circuit::Rejection;
use super::classify::{Classify, Decision, Head};
use super::drain::Drain;
use super::last_refusal::LastRefusal;
use super::policy::Policy;
use super::state::FailedAttempt;
use super::time::later;
use crate::hint::{Hint, Verdict};
use crate::message::{HintSink, HttpResponse, Unsent};
use crate::observe::{By, Event, GiveUpReason};

/// What the head of a response says that is not accepted at a glance.
pub(super) enum HeadClass {
    /// It is returned, whatever its body says.
    Returned(HeadContext, Disposition),
    /// Its body is worth reading.
    Read(HeadContext),
}

/// What is known of an answer from its head.
pub(super) struct HeadContext {
    pub(super) hint: Hint,
    received: SystemTime,
    at: Instant,
    /// The classifier wants it retried, refusal or not.
    wanted: bool,
    /// It came so late that the work may be done, and the request may not be repeated.
    maybe_done: bool,
    /// The classifier says that it will not pass.
    for_good: bool,
}

/// A refused answer that is being read.
pub(super) struct Refused<B: Body> {
    pub(super) parts: Parts,
    pub(super) drain: Drain<B>,
    pub(super) context: HeadContext,
    /// `None` until its body was read, if that can change it.
    pub(super) disposition: Option<Disposition>,
}

/// What to do with a refused answer.
#[derive(Clone, Copy)]
pub(super) enum Disposition {
    /// It was no refusal after all.
    Accept { served: bool },
    /// Return it, for this reason. It says nothing of other requests.
    Return(GiveUpReason),
    /// Return it, and tell the circuit.
    Final(Rejection),
    /// Try again, if the bounds allow it.
    Retry(FailedAttempt),
}

impl Disposition {
    /// Why the answer is returned though it is not accepted.
    pub(super) fn why_returned(&self) -> Option<GiveUpReason> {
        match self {
            Self::Accept { .. } | Self::Retry(_) => None,
            Self::Return(why) => Some(*why),
            Self::Final(rejection) if rejection.for_good => Some(GiveUpReason::ForGood),
            Self::Final(_) => Some(GiveUpReason::NotRepeatable),
        }
    }

    /// What the circuit is to be told.
    pub(super) fn rejection(&self) -> Option<Rejection> {
        match self {
            Self::Accept { .. } | Self::Return(_) => None,
            Self::Final(rejection) => Some(*rejection),
            Self::Retry(failed) => Some(Rejection {
                at: failed.at,
                wait: failed.wait,
                for_good: false,
                route: None,
            }),
        }
    }
}

impl<C, H, K> Policy<C, H, K> {
    /// Whether a response is accepted at a glance, and then whether it was served. If it is not, what the
    /// classifier says of it.
    #[inline]
    pub(super) fn glance<R, E>(&self, response: &R) -> Result<bool, Decision>
    where
        R: HttpResponse,
        C: Classify<E>,
    {
        let status = response.status();
        let head = Head::new(status, response.headers());
        match self.classify.classify(Ok(head)) {
            Decision::Default if status.as_u16() < 400 => Ok(true),
            Decision::Accept => Ok(status.as_u16() < 400),
            decision => Err(decision),
        }
    }

    /// Judges a response that is not accepted at a glance. `repeatable` says whether the request may be
    /// sent again though it may have been served, and `sent_at` when its attempt was found to take time.
    pub(super) fn judge<R>(
        &self,
        response: &R,
        decision: Decision,
        sent_at: Option<Instant>,
        repeatable: impl Fn() -> bool,
    ) -> HeadClass
    where
        R: HttpResponse,
    {
        let status = response.status();
        let wanted = decision != Decision::Default;
        let (received, at) = (SystemTime::now(), Instant::now());
        let dialect = &self.config.dialect;
        // A gate below has read the head already, in a dialect of its own.
        let read = response.extensions().get::<Hint>();
        let hint = match read.filter(|_| dialect.is_default()) {
            Some(hint) => hint.clone(),
            None => dialect.parse(status, response.headers(), None, received),
        };
        let took = sent_at.map(|sent_at| at.saturating_duration_since(sent_at));
        let maybe_done = decision != Decision::RetryUnprocessed
            && self.shared.latency.may_be_done(status, took)
            && !repeatable();
        let for_good = decision == Decision::RefusedForGood;
        let verdict = hint.verdict(self.config.max_server_wait);
        let context = HeadContext {
            hint,
            received,
            at,
            wanted,
            maybe_done,
            for_good,
        };
        if let Some(cause) = Unsent::of(response.extensions()).map(Unsent::cause) {
            // A layer below answered without sending: it has its reasons, and no server was asked.
            return HeadClass::Returned(context, Disposition::Return(GiveUpReason::Unsent(cause)));
        }
        match verdict {
            _ if for_good => HeadClass::Read(context),
            Verdict::Retry => {
                // At once: the others need not run into the same wall while the body is read.
                self.share_pause(&context, response.extensions().get());
                HeadClass::Read(context)
            }
            Verdict::Accepted if wanted && !decision.allows(repeatable) => {
                HeadClass::Returned(context, Disposition::Return(GiveUpReason::NotRepeatable))
            }
            Verdict::Accepted if wanted || dialect.body_decides(status) => HeadClass::Read(context),
            Verdict::Accepted => {
                let served = !status.is_server_error();
                HeadClass::Returned(context, Disposition::Accept { served })
            }
            Verdict::Forbidden => {
                HeadClass::Returned(context, Disposition::Return(GiveUpReason::ForGood))
            }
            // Read as well: others may be answered with a copy.
            Verdict::Permanent | Verdict::OverCap => HeadClass::Read(context),
        }
    }

    /// Begins to read an answer's body.
    pub(super) fn read<R: HttpResponse>(
        &self,
        response: R,
        context: HeadContext,
        disposition: Option<Disposition>,
    ) -> Box<Refused<R::Body>> {
        let (parts, body) = response.into_parts();
        Box::new(Refused {
            parts,
            drain: Drain::new(body, self.config.drain),
            context,
            disposition,
        })
    }

    /// Looks at a response again, with as much of its body as was read.
    pub(super) fn dispose<B: Body>(&self, refused: &mut Refused<B>) -> Disposition {
        let Refused {
            parts,
            drain,
            context,
            ..
        } = refused;
        let sink = parts.extensions.get::<HintSink>();
        let body = drain.bytes();
        if cfg!(feature = "json") && !body.is_empty() {
            let Parts {
                status, headers, ..
            } = &*parts;
            let dialect = &self.config.dialect;
            let hint = dialect.parse(*status, headers, Some(&body), context.received);
            if hint != context.hint {
                if let Some(sink) = sink {
                    sink.refine(&hint);
                }
                context.hint = hint;
            }
        }
        let wait = context.hint.wait();
        let rejection = |for_good| Rejection {
            at: context.at,
            wait,
            for_good,
            route: None,
        };
        let retry = FailedAttempt {
            at: context.at,
            wait,
            behind_gate: sink.is_some(),
            place: sink.and_then(HintSink::kept_place),
        };
        match context.hint.verdict(self.config.max_server_wait) {
            _ if context.for_good => Disposition::Final(rejection(true)),
            Verdict::Retry => {
                self.share_pause(context, sink);
                if context.maybe_done {
                    Disposition::Final(rejection(false))
                } else {
                    Disposition::Retry(retry)
                }
            }
            Verdict::Accepted if context.wanted => Disposition::Retry(retry),
            Verdict::Accepted => Disposition::Accept { served: true },
            Verdict::Forbidden => Disposition::Return(GiveUpReason::ForGood),
            Verdict::Permanent | Verdict::OverCap if context.hint.names_request() => {
                Disposition::Return(GiveUpReason::ForGood)
            }
            Verdict::Permanent | Verdict::OverCap => Disposition::Final(rejection(true)),
        }
    }

    /// Lets everybody wait as long as one was asked to, unless a gate below sees to it.
    fn share_pause(&self, context: &HeadContext, sink: Option<&HintSink>) {
        let wait = context.hint.wait().filter(|wait| !wait.is_zero());
        if let (None, Some(wait)) = (sink, wait) {
            if self.shared.pause.prolong(later(context.at, wait)) {
                let by = By::Server;
                self.config.tell(|| Event::Paused { left: wait, by });
            }
        }
    }
}

impl<B: Body> Refused<B> {
    /// A copy of the answer, for others who cannot be served.
    pub(super) fn copy(&self) -> LastRefusal {
        let Self {
            parts,
            drain,
            context,
            ..
        } = self;
        LastRefusal::of(parts, drain.bytes(), &context.hint, context.at)
    }

    pub(super) fn into_parts(self) -> (Parts, ResponseBody<B>, Hint) {
        (self.parts, self.drain.into_body(), self.context.hint)
    }
}
