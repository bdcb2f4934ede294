//! What answers consist of.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::InFlight;

/// How the API answers what it accepts. Refusals are short and tell their length in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Answers {
    /// The head comes when the work is done, and a short body with it that tells its length.
    #[default]
    Short,
    /// The same, but the body does not tell its length.
    Chunked,
    /// The head comes after a tenth of the work, and the body, which does not tell its length, ends
    /// with the work. The work goes on whether or not anybody reads.
    Streamed,
}

/// The body of an answer.
#[derive(Debug)]
pub struct Body {
    data: Option<Bytes>,
    tells_length: bool,
    work: Option<Work>,
}

/// Work that goes on whether or not anybody polls.
#[derive(Debug)]
pub(super) struct Work {
    done: JoinHandle<()>,
    place: Arc<Mutex<Option<InFlight>>>,
}

impl Work {
    pub(super) fn begin(in_flight: InFlight, takes: Duration) -> Self {
        let place = Arc::new(Mutex::new(Some(in_flight)));
        let (held, takes) = (place.clone(), sleep(takes));
        let done = tokio::spawn(async move {
            takes.await;
            drop(held.lock().expect("a place").take());
        });
        Self { done, place }
    }
}

/// Whoever goes away ends the work at once.
impl Drop for Work {
    fn drop(&mut self) {
        self.done.abort();
        drop(self.place.lock().expect("a place").take());
    }
}

impl Body {
    pub(super) fn short() -> Self {
        Self {
            data: Some(Bytes::from_static(b"{}")),
            tells_length: true,
            work: None,
        }
    }

    pub(super) fn chunked() -> Self {
        Self {
            tells_length: false,
            ..Self::short()
        }
    }

    /// Its end comes with that of the work.
    pub(super) fn streamed(work: Option<Work>) -> Self {
        Self {
            work,
            ..Self::chunked()
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(work) = &mut self.work {
            let _ = ready!(Pin::new(&mut work.done).poll(cx));
            self.work = None;
        }
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.tells_length && self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (self.tells_length, &self.data) {
            (true, data) => SizeHint::with_exact(data.as_ref().map_or(0, Bytes::len) as u64),
            (false, _) => SizeHint::default(),
        }
    }
}
