//! What the readers of one body share.

use std::mem;
use std::pin::Pin;
use std::task::Waker;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::error::ReplayError;
use crate::retry::body::following;

/// A reader's place: how many data frames it has had, and whether the trailers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    frames: usize,
    trailers: bool,
}

/// The inner body and what was read of it so far.
///
/// It lies under a lock, so it runs no foreign code. A reader borrows the inner body to poll it, and wakes
/// and drops what is [`Released`] once the lock is.
pub(super) struct Source<B> {
    rest: Rest<B>,
    /// How much the inner body says is left of it.
    hint: SizeHint,
    /// The data frames read so far, while they are kept.
    kept: Vec<Bytes>,
    /// Their bytes.
    held: usize,
    max_bytes: usize,
    /// How many data frames were read in all. More than are kept once they are forgotten.
    read: usize,
    forgotten: bool,
    trailers: Option<HeaderMap>,
    /// The number of the reader that reads the rest, and of the last one that must not any more.
    turn: u64,
    fence: u64,
    waiting: Option<Waker>,
}

pub(super) enum Rest<B> {
    Open(Pin<Box<B>>),
    /// A reader is polling it.
    Lent,
    Ended,
    Failed(ReplayError),
}

/// What a reader does next.
pub(super) enum Step<B> {
    /// It passes this on.
    Pass(Option<Result<Frame<Bytes>, ReplayError>>),
    /// It polls the inner body, and returns it.
    Poll(Pin<Box<B>>),
    /// It waits until another reader, whose turn is over, returns the inner body.
    Wait,
}

/// What is left to do once the lock is released: wakers and data may run foreign code.
#[derive(Default)]
#[must_use]
pub(super) struct Released {
    wake: Option<Waker>,
    drop: (Option<Waker>, Vec<Bytes>),
}

impl Released {
    pub(super) fn run(self) {
        drop(self.drop);
        if let Some(waker) = self.wake {
            waker.wake();
        }
    }
}

impl<B: Body> Source<B> {
    pub(super) fn new(body: B, max_bytes: usize) -> Self {
        let hint = body.size_hint();
        let rest = if body.is_end_stream() {
            Rest::Ended
        } else {
            Rest::Open(Box::pin(body))
        };
        Self {
            rest,
            hint,
            kept: Vec::new(),
            held: 0,
            max_bytes,
            read: 0,
            forgotten: false,
            trailers: None,
            turn: 0,
            fence: 0,
            waiting: None,
        }
    }
}

impl<B> Source<B> {
    /// Whether a reader could begin now and read all there is.
    pub(super) fn is_replayable(&self) -> bool {
        !self.forgotten && !matches!(self.rest, Rest::Failed(_))
    }

    /// Takes the rest away from the reader that has it, if one is at it, and tells that reader.
    ///
    /// Its attempt was answered before it was read: were it to go on, it would read what the next
    /// attempt needs, perhaps beyond what is kept.
    pub(super) fn take_over(&mut self) -> Released {
        if matches!(self.rest, Rest::Open(_) | Rest::Lent) {
            self.fence = self.turn;
        }
        Released {
            wake: self.waiting.take(),
            ..Released::default()
        }
    }

    /// Gives a reader that begins its turn.
    pub(super) fn begin(&mut self) -> (u64, Released) {
        let superseded = self.take_over();
        self.turn += 1;
        (self.turn, superseded)
    }

    /// A reader will read no more.
    pub(super) fn leave(&mut self, turn: u64) -> Released {
        let waker = self.waiting.take_if(|_| turn == self.turn);
        Released {
            drop: (waker, Vec::new()),
            ..Released::default()
        }
    }

    /// What the reader whose turn was `turn` does next.
    pub(super) fn step(&mut self, cursor: &mut Cursor, turn: u64) -> Step<B> {
        if let Some(data) = self.kept.get(cursor.frames) {
            cursor.frames += 1;
            return Step::Pass(Some(Ok(Frame::data(data.clone()))));
        }
        if cursor.frames < self.read {
            return Step::Pass(Some(Err(ReplayError::forgotten())));
        }
        match mem::replace(&mut self.rest, Rest::Lent) {
            Rest::Open(body) if turn > self.fence => Step::Poll(body),
            Rest::Lent if turn > self.fence => Step::Wait,
            rest => {
                self.rest = rest;
                Step::Pass(self.last(cursor))
            }
        }
    }

    /// What comes for a reader that polls nothing more.
    fn last(&self, cursor: &mut Cursor) -> Option<Result<Frame<Bytes>, ReplayError>> {
        match &self.rest {
            Rest::Failed(error) => Some(Err(error.clone())),
            Rest::Open(_) | Rest::Lent => Some(Err(ReplayError::superseded())),
            Rest::Ended if cursor.trailers => None,
            Rest::Ended => {
                cursor.trailers = true;
                let trailers = self.trailers.clone();
                trailers.map(|trailers| Ok(Frame::trailers(trailers)))
            }
        }
    }

    /// Has the reader whose turn was `turn` woken when there may be more for it. False if there may be
    /// by now: it is to try again.
    pub(super) fn wait(&mut self, turn: u64, waker: &mut Option<Waker>) -> bool {
        let waits = matches!(self.rest, Rest::Lent) && turn > self.fence;
        if waits {
            mem::swap(&mut self.waiting, waker);
        }
        waits
    }

    /// Takes the inner body back from the reader whose turn was `turn`. If that found nothing to read it
    /// leaves its waker.
    pub(super) fn put_back(
        &mut self,
        turn: u64,
        rest: Rest<B>,
        hint: Option<SizeHint>,
        waker: Option<Waker>,
    ) -> Released {
        self.rest = rest;
        if let Some(hint) = hint {
            self.hint = hint;
        }
        if !self.is_superseded(turn) {
            let before = mem::replace(&mut self.waiting, waker);
            return Released {
                drop: (before, Vec::new()),
                ..Released::default()
            };
        }
        // Another reader waits for the body.
        Released {
            wake: self.waiting.take(),
            drop: (waker, Vec::new()),
        }
    }

    pub(super) fn is_superseded(&self, turn: u64) -> bool {
        turn <= self.fence
    }

    /// Keeps what a reader has read, for the next. `sole`: it is the last that will ever read, so
    /// nothing needs to be kept for another.
    pub(super) fn keep(
        &mut self,
        frame: &Frame<Bytes>,
        cursor: &mut Cursor,
        sole: bool,
    ) -> Released {
        if let Some(trailers) = frame.trailers_ref() {
            cursor.trailers = true;
            self.trailers = Some(trailers.clone());
        }
        // An empty frame tells nobody anything, and any number of them is within the bound.
        let Some(data) = frame.data_ref().filter(|data| !data.is_empty()) else {
            return Released::default();
        };
        self.read += 1;
        cursor.frames = self.read;
        self.held = self.held.saturating_add(data.len());
        if self.forgotten || sole || self.held > self.max_bytes {
            self.forgotten = true;
            return Released {
                drop: (None, mem::take(&mut self.kept)),
                ..Released::default()
            };
        }
        self.kept.push(data.clone());
        Released::default()
    }

    pub(super) fn is_end_stream(&self, cursor: Cursor) -> bool {
        let trailers_due = self.trailers.is_some() && !cursor.trailers;
        matches!(self.rest, Rest::Ended) && cursor.frames >= self.read && !trailers_due
    }

    /// What is left for a reader.
    pub(super) fn size_hint(&self, cursor: Cursor) -> SizeHint {
        if cursor.frames < self.read && self.forgotten {
            return SizeHint::new();
        }
        let kept = self
            .kept
            .iter()
            .skip(cursor.frames)
            .map(|data| data.len() as u64)
            .sum();
        match &self.rest {
            Rest::Open(_) | Rest::Lent => following(kept, &self.hint),
            Rest::Ended => SizeHint::with_exact(kept),
            Rest::Failed(_) => following(kept, &SizeHint::new()),
        }
    }
}
