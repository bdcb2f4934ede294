//! The inner body in the hands of the reader that polls it, while no lock is held.

use std::error::Error;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame};

use super::error::ReplayError;
use super::source::{Cursor, Released, Rest, Source};

/// What a [`ReplayBody`](super::ReplayBody) gives when it is polled.
pub(super) type Polled = Poll<Option<Result<Frame<Bytes>, ReplayError>>>;

/// An inner body that goes back to its source, even if polling it panics.
pub(super) struct Lent<'a, B> {
    source: &'a Mutex<Source<B>>,
    /// The turn of the reader that polls it.
    turn: u64,
    /// `None` once it went back.
    body: Option<Pin<Box<B>>>,
}

impl<'a, B> Lent<'a, B> {
    pub(super) fn new(source: &'a Mutex<Source<B>>, turn: u64, body: Pin<Box<B>>) -> Self {
        Self {
            source,
            turn,
            body: Some(body),
        }
    }
}

impl<B: Body> Lent<'_, B>
where
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Polls the body and returns it, with what came of it for other readers. `sole`: there will be none.
    pub(super) fn poll(mut self, cursor: &mut Cursor, sole: bool, cx: &mut Context<'_>) -> Polled {
        let body = self.body.as_mut().expect("polled once");
        let polled = read(body.as_mut(), cx);
        let (ended, hint) = (body.is_end_stream(), body.size_hint());
        let waker = polled.is_pending().then(|| cx.waker().clone());
        let body = self.body.take().expect("polled once");
        let (rest, body) = match &polled {
            Poll::Ready(Some(Err(error))) => (Rest::Failed(error.clone()), Some(body)),
            // Nothing may follow trailers.
            Poll::Ready(Some(Ok(frame))) if frame.is_trailers() || ended => {
                (Rest::Ended, Some(body))
            }
            Poll::Ready(None) => (Rest::Ended, Some(body)),
            Poll::Pending | Poll::Ready(Some(Ok(_))) => (Rest::Open(body), None),
        };
        let mut source = lock(self.source);
        let superseded = source.is_superseded(self.turn);
        let returned = source.put_back(self.turn, rest, Some(hint), waker);
        let forgotten = match &polled {
            Poll::Ready(Some(Ok(frame))) => source.keep(frame, cursor, sole),
            _ => Released::default(),
        };
        drop(source);
        drop(body);
        forgotten.run();
        returned.run();
        match polled {
            // The one that took over could not wake it, as it had left no waker yet.
            Poll::Pending if superseded => Poll::Ready(Some(Err(ReplayError::superseded()))),
            polled => polled,
        }
    }
}

impl<B> Drop for Lent<'_, B> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            let returned = lock(self.source).put_back(self.turn, Rest::Open(body), None, None);
            returned.run();
        }
    }
}

/// Polls a body, and makes of what it gives what all readers can have.
fn read<B: Body>(body: Pin<&mut B>, cx: &mut Context<'_>) -> Polled
where
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    body.poll_frame(cx).map(|end| {
        end.map(|result| {
            result
                .map(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
                .map_err(ReplayError::inner)
        })
    })
}

pub(super) fn lock<B>(source: &Mutex<Source<B>>) -> MutexGuard<'_, Source<B>> {
    // Nothing panics while it is held.
    source.lock().unwrap_or_else(PoisonError::into_inner)
}
