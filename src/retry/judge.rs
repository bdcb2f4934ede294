//! What an answer means, before and after its body was read.

use std::time::SystemTime;

use http::response::Parts;
use http_body::Body;
use tokio::time::Instant;

use super::classify::{Classify, Decision, Head};
use super::drain::Drain;
use super::plan::Setback;
use super::policy::Policy;
use crate::hint::{Hint, Verdict};
use crate::message::{Governor, HttpResponse};

/// What a response's head says.
pub(super) enum Judged {
    /// It is what the caller is waiting for.
    Accepted { served: bool },
    /// It is not, but the layer returns it by itself.
    Returned(Notes, Sentence),
    /// Its body is worth reading.
    Read(Notes),
}

/// What is known of an answer from its head.
pub(super) struct Notes {
    pub(super) hint: Hint,
    received: SystemTime,
    at: Instant,
    /// The classifier wants it retried, refusal or not.
    wanted: bool,
}

/// A refused answer that is being read.
pub(super) struct Refused<B: Body> {
    pub(super) parts: Parts,
    pub(super) drain: Drain<B>,
    pub(super) notes: Notes,
    /// `None` until its body was read, if that can change it.
    pub(super) sentence: Option<Sentence>,
}

/// What to do with a refused answer.
#[derive(Clone, Copy)]
pub(super) enum Sentence {
    /// It was no refusal after all.
    Accept { served: bool },
    /// Return it.
    Final,
    /// Try again, if the bounds allow it.
    Retry(Setback),
}

impl<C, H, K> Policy<C, H, K> {
    /// Looks at a response's head. `repeatable` says whether the request may be sent again though
    /// it may have been served.
    #[inline]
    pub(super) fn judge<R, E>(&self, response: &R, repeatable: impl FnOnce() -> bool) -> Judged
    where
        R: HttpResponse,
        C: Classify<E>,
    {
        let status = response.status();
        let head = Head::new(status, response.headers());
        match self.classify.classify(Ok(head)) {
            Decision::Default if status.as_u16() < 400 => Judged::Accepted { served: true },
            Decision::Accept => Judged::Accepted {
                served: status.as_u16() < 400,
            },
            decision => self.judge_closely(response, decision, repeatable),
        }
    }

    /// Kept out of the way of answers that are accepted at a glance.
    #[cold]
    fn judge_closely<R>(
        &self,
        response: &R,
        decision: Decision,
        repeatable: impl FnOnce() -> bool,
    ) -> Judged
    where
        R: HttpResponse,
    {
        let status = response.status();
        let wanted = decision != Decision::Default;
        let (received, at) = (SystemTime::now(), Instant::now());
        let hint = match response.extensions().get::<Hint>() {
            Some(hint) => hint.clone(),
            None => Hint::parse(status, response.headers(), None, received),
        };
        let notes = |hint| Notes {
            hint,
            received,
            at,
            wanted,
        };
        match hint.verdict(self.config.max_server_wait) {
            _ if decision == Decision::RefusedForGood => {
                Judged::Returned(notes(hint), Sentence::Final)
            }
            Verdict::Retry => {
                // At once: the others need not run into the same wall while the body is read.
                self.share_pause(&hint, at, response.extensions().get());
                Judged::Read(notes(hint))
            }
            Verdict::Accepted if wanted && !decision.allows(repeatable) => {
                Judged::Returned(notes(hint), Sentence::Final)
            }
            Verdict::Accepted if wanted || Hint::body_decides(status) => Judged::Read(notes(hint)),
            Verdict::Accepted => {
                let served = !status.is_server_error();
                Judged::Returned(notes(hint), Sentence::Accept { served })
            }
            Verdict::Permanent | Verdict::Forbidden | Verdict::OverCap => {
                Judged::Returned(notes(hint), Sentence::Final)
            }
        }
    }

    /// Begins to read an answer's body.
    pub(super) fn read<R: HttpResponse>(
        &self,
        response: R,
        notes: Notes,
        sentence: Option<Sentence>,
    ) -> Box<Refused<R::Body>> {
        let (parts, body) = response.into_parts();
        Box::new(Refused {
            parts,
            drain: Drain::new(body, self.config.drain),
            notes,
            sentence,
        })
    }

    /// Looks at a response again, with as much of its body as was read.
    pub(super) fn sentence<B: Body>(&self, refused: &mut Refused<B>) -> Sentence {
        let Refused {
            parts,
            drain,
            notes,
            ..
        } = refused;
        let governor = parts.extensions.get::<Governor>();
        if cfg!(feature = "json") {
            if let Some(body) = drain.bytes() {
                let hint = Hint::parse(parts.status, &parts.headers, Some(&body), notes.received);
                if hint != notes.hint {
                    if let Some(governor) = governor {
                        governor.refine(&hint);
                    }
                    notes.hint = hint;
                }
            }
        }
        let setback = Setback {
            at: notes.at,
            wait: notes.hint.wait(),
            governed: governor.is_some(),
        };
        match notes.hint.verdict(self.config.max_server_wait) {
            Verdict::Retry => {
                self.share_pause(&notes.hint, notes.at, governor);
                Sentence::Retry(setback)
            }
            Verdict::Accepted if notes.wanted => Sentence::Retry(setback),
            Verdict::Accepted => Sentence::Accept { served: true },
            Verdict::Permanent | Verdict::Forbidden | Verdict::OverCap => Sentence::Final,
        }
    }

    /// Lets everybody wait as long as one was asked to, unless a gate below sees to it.
    fn share_pause(&self, hint: &Hint, at: Instant, governor: Option<&Governor>) {
        if let (None, Some(wait)) = (governor, hint.wait().filter(|wait| !wait.is_zero())) {
            self.shared.pause(super::pause::later(at, wait));
        }
    }
}

impl<B: Body> Refused<B> {
    pub(super) fn into_parts(self) -> (Parts, super::body::ResponseBody<B>, Hint) {
        (self.parts, self.drain.into_body(), self.notes.hint)
    }
}
