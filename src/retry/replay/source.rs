//! What the readers of one body share.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
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
pub(super) struct Source<B> {
    rest: Rest<B>,
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

/// What polling a body for its next frame gives.
type Polled<D, E> = Poll<Option<Result<Frame<D>, E>>>;

enum Rest<B> {
    Open(Pin<Box<B>>),
    Ended,
    Failed(ReplayError),
}

impl<B> Source<B> {
    /// Whether a reader could begin now and read all there is.
    pub(super) fn is_replayable(&self) -> bool {
        !self.forgotten && !matches!(self.rest, Rest::Failed(_))
    }

    /// Takes the rest away from the reader that has it, if one is at it. The waker, to be used
    /// once the lock is released, tells that reader.
    ///
    /// Its attempt was answered before it was read: were it to go on, it would read what the next
    /// attempt needs, perhaps beyond what is kept.
    pub(super) fn take_over(&mut self) -> Option<Waker> {
        if matches!(self.rest, Rest::Open(_)) {
            self.fence = self.turn;
        }
        self.waiting.take()
    }

    /// Gives a reader that begins its turn, and the waker of the one before it.
    pub(super) fn begin(&mut self) -> (u64, Option<Waker>) {
        let superseded = self.take_over();
        self.turn += 1;
        (self.turn, superseded)
    }

    /// A reader will read no more. Its waker is to be dropped once the lock is released.
    pub(super) fn leave(&mut self, turn: u64) -> Option<Waker> {
        self.waiting.take_if(|_| turn == self.turn)
    }
}

impl<B: Body> Source<B> {
    pub(super) fn new(body: B, max_bytes: usize) -> Self {
        let rest = if body.is_end_stream() {
            Rest::Ended
        } else {
            Rest::Open(Box::pin(body))
        };
        Self {
            rest,
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

    /// The next frame for the reader whose turn was `turn`. `sole`: it is the last that will ever
    /// read, so nothing needs to be kept for another.
    pub(super) fn poll_frame(
        &mut self,
        cursor: &mut Cursor,
        turn: u64,
        sole: bool,
        cx: &mut Context<'_>,
    ) -> Polled<Bytes, ReplayError>
    where
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Some(data) = self.kept.get(cursor.frames) {
            cursor.frames += 1;
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        if cursor.frames < self.read {
            return Poll::Ready(Some(Err(ReplayError::forgotten())));
        }
        match &mut self.rest {
            Rest::Failed(error) => Poll::Ready(Some(Err(error.clone()))),
            Rest::Ended if cursor.trailers => Poll::Ready(None),
            Rest::Ended => {
                cursor.trailers = true;
                Poll::Ready(
                    self.trailers
                        .clone()
                        .map(|trailers| Ok(Frame::trailers(trailers))),
                )
            }
            Rest::Open(_) if turn <= self.fence => {
                Poll::Ready(Some(Err(ReplayError::superseded())))
            }
            Rest::Open(body) => {
                let frame = match ready!(poll_inner(body, &mut self.waiting, cx)) {
                    Some(Ok(frame)) => frame,
                    Some(Err(error)) => {
                        let error = ReplayError::inner(error);
                        self.rest = Rest::Failed(error.clone());
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => {
                        self.rest = Rest::Ended;
                        return Poll::Ready(None);
                    }
                };
                if body.is_end_stream() {
                    self.rest = Rest::Ended;
                }
                let frame = frame.map_data(|mut data| data.copy_to_bytes(data.remaining()));
                if let Some(data) = frame.data_ref() {
                    self.keep(data, cursor, sole);
                } else if let Some(trailers) = frame.trailers_ref() {
                    cursor.trailers = true;
                    self.trailers = Some(trailers.clone());
                    // Nothing may follow them.
                    self.rest = Rest::Ended;
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn keep(&mut self, data: &Bytes, cursor: &mut Cursor, sole: bool) {
        // An empty frame tells nobody anything, and any number of them is within the bound.
        if data.is_empty() {
            return;
        }
        self.read += 1;
        cursor.frames = self.read;
        self.held = self.held.saturating_add(data.len());
        if self.forgotten || sole || self.held > self.max_bytes {
            self.forgotten = true;
            self.kept = Vec::new();
        } else {
            self.kept.push(data.clone());
        }
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
            Rest::Open(body) => following(kept, &body.size_hint()),
            Rest::Ended => SizeHint::with_exact(kept),
            Rest::Failed(_) => following(kept, &SizeHint::new()),
        }
    }
}

/// Polls the inner body for the reader of `cx`, which is noted so that it can be woken should
/// another take over.
fn poll_inner<B: Body>(
    body: &mut Pin<Box<B>>,
    waiting: &mut Option<Waker>,
    cx: &mut Context<'_>,
) -> Polled<B::Data, B::Error> {
    let frame = body.as_mut().poll_frame(cx);
    *waiting = frame.is_pending().then(|| cx.waker().clone());
    frame
}
