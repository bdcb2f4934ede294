//! A reader of a body that is kept while it is read.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, SizeHint};

use super::error::ReplayError;
use super::lent::{Lent, Polled, lock};
use super::source::{Cursor, Source, Step};
use crate::message::TryCloneBody;

/// A request body that is kept, up to a cap, while it is sent, so that it can be sent again.
///
/// For bodies that are not `Clone`, such as streams; what is in memory already (`Full<Bytes>`)
/// needs none of this. Each copy reads from the beginning, with a place of its own: first what was
/// kept, then the rest from the inner body.
///
/// - Once more than `max_bytes` were read nothing is kept any more: the attempt goes on, and it is
///   the last. Nor is anything kept when no other copy is left to read it.
/// - An inner body that failed has failed for every copy; one that ended has ended, trailers and
///   all.
/// - The copies are for one attempt after another. If an attempt was answered before its body was
///   read to the end, and another one begins, that one takes the rest over, and the first finds
///   [`ReplayError::is_superseded`]. The client then gives that upload up; it is of no use.
///
/// Data comes as [`Bytes`]. It is copied only if the inner body's is something else.
///
/// ```
/// use http::Request;
/// use http_body_util::Empty;
/// use tower::{ServiceBuilder, service_fn};
/// use tower_throttle::RetryOn429Layer;
/// use tower_throttle::retry::ReplayBody;
///
/// # type Upload = Empty<bytes::Bytes>;
/// # let client = service_fn(|_: Request<ReplayBody<Upload>>| async {
/// #     Ok::<_, std::convert::Infallible>(http::Response::new(Upload::new()))
/// # });
/// let client = ServiceBuilder::new()
///     .map_request(|request: Request<Upload>| {
///         request.map(|body| ReplayBody::new(body, 64 * 1024))
///     })
///     .layer(RetryOn429Layer::new())
///     .service(client);
/// # let _ = client;
/// ```
pub struct ReplayBody<B> {
    source: Arc<Mutex<Source<B>>>,
    cursor: Cursor,
    /// Given when the first frame is read.
    turn: Option<u64>,
}

impl<B: Body> ReplayBody<B> {
    /// Keeps up to `max_bytes` bytes of what is read of `body`.
    pub fn new(body: B, max_bytes: usize) -> Self {
        let source = Arc::new(Mutex::new(Source::new(body, max_bytes)));
        Self {
            source,
            cursor: Cursor::default(),
            turn: None,
        }
    }
}

impl<B> ReplayBody<B> {
    /// Whether the body can still be sent from its beginning.
    ///
    /// False once it proved longer than what is kept, or failed.
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        self.lock().is_replayable()
    }

    /// The turn in which it reads, from its first frame on.
    fn turn(&mut self) -> u64 {
        if let Some(turn) = self.turn {
            return turn;
        }
        let (turn, superseded) = self.lock().begin();
        superseded.run();
        *self.turn.insert(turn)
    }

    fn lock(&self) -> MutexGuard<'_, Source<B>> {
        lock(&self.source)
    }
}

impl<B> TryCloneBody for ReplayBody<B> {
    /// A copy that reads from the beginning; `None` if that is gone.
    fn try_clone(&self) -> Option<Self> {
        let mut source = self.lock();
        if !source.is_replayable() {
            return None;
        }
        let superseded = source.take_over();
        drop(source);
        superseded.run();
        let source = Arc::clone(&self.source);
        Some(Self {
            source,
            cursor: Cursor::default(),
            turn: None,
        })
    }
}

impl<B: Body> Body for ReplayBody<B>
where
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = ReplayError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = self.get_mut();
        // As `this` is borrowed exclusively, nobody can copy it if it is the only one.
        let sole = Arc::strong_count(&this.source) == 1;
        let turn = this.turn();
        loop {
            let step = lock(&this.source).step(&mut this.cursor, turn);
            match step {
                Step::Pass(frame) => return Poll::Ready(frame),
                Step::Poll(body) => {
                    return Lent::new(&this.source, turn, body).poll(&mut this.cursor, sole, cx);
                }
                Step::Wait => {
                    let mut waker = Some(cx.waker().clone());
                    let waits = this.lock().wait(turn, &mut waker);
                    // The one that was there before: not dropped under the lock.
                    drop(waker);
                    if waits {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream(self.cursor)
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint(self.cursor)
    }
}

impl<B> Drop for ReplayBody<B> {
    fn drop(&mut self) {
        if let Some(turn) = self.turn {
            let left = self.lock().leave(turn);
            left.run();
        }
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody")
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}
