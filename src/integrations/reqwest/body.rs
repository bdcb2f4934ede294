//! Bodies of reqwest's that can be sent again.
//!
//! reqwest copies a body that is one piece of bytes, and no other: it takes a multipart form for a stream,
//! even if all of it is in memory. What gives all its frames at once when it is polled is in memory, so its
//! frames are kept, by reference, and every copy gives the same frames.

use std::cell::Cell;
use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use reqwest::{Body, Request};

use crate::message::TryCloneBody;
use crate::retry::{ReplayBody, ReplayError, ResponseBody};

/// The most frames that are read ahead. A form in memory has four for each part, and one more.
const MAX_FRAMES: usize = 1024;
/// When this many bytes were read ahead, no further frame is. A body in memory takes no memory by that; this
/// bounds what a body takes that makes its frames as it is polled.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Gives a request a body that can be copied, if the one it has is in memory, or if `buffer` bytes
/// of a stream may be kept.
pub(super) fn keep(request: &mut Request, buffer: Option<usize>) {
    // reqwest copies what is one piece.
    let streamed = |body: &mut Body| body.as_bytes().is_none();
    let Some(body) = request.body_mut().take_if(streamed) else {
        return;
    };
    let sized = body.size_hint().exact().is_some();
    let (body, read) = match read_ahead(body) {
        Ok(read) => read,
        Err(untouched) if buffer.is_none() => {
            *request.body_mut() = Some(untouched);
            return;
        }
        Err(untouched) => (ResponseBody::new(untouched), Read::Part),
    };
    let max_bytes = match read {
        Read::Part => buffer,
        Read::All { .. } => Some(usize::MAX),
    };
    let body = match max_bytes {
        None => Body::wrap(body),
        Some(max_bytes) => Body::wrap(Kept {
            body: ReplayBody::new(body, max_bytes),
            sized,
            ends_late: matches!(read, Read::All { ends_late: true }),
            bare: bare(request).map(Arc::new),
        }),
    };
    *request.body_mut() = Some(body);
}

/// A copy of a request that was given such a body.
pub(super) fn copy(request: &Request) -> Option<Request> {
    let mut copy = ask(request.body()?)?;
    copy.method_mut().clone_from(request.method());
    copy.url_mut().clone_from(request.url());
    copy.headers_mut().clone_from(request.headers());
    *copy.version_mut() = request.version();
    *copy.timeout_mut() = request.timeout().copied();
    Some(copy)
}

/// What of a request only reqwest can copy: its extensions.
fn bare(request: &mut Request) -> Option<Request> {
    let headers = mem::take(request.headers_mut());
    let bare = request.try_clone();
    *request.headers_mut() = headers;
    bare
}

/// How much of a body was read ahead.
enum Read {
    Part,
    /// `ends_late`: that its last frame was the last showed only when it was polled once more.
    All {
        ends_late: bool,
    },
}

/// Reads what a body gives at once, and puts it back. `Err` if that was nothing.
fn read_ahead(mut body: Body) -> Result<(ResponseBody<Body>, Read), Body> {
    let (mut frames, mut bytes) = (VecDeque::new(), 0);
    let (error, read) = loop {
        if body.is_end_stream() {
            break (None, Read::All { ends_late: false });
        }
        if frames.len() >= MAX_FRAMES || bytes >= MAX_BYTES {
            break (None, Read::Part);
        }
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Pending if frames.is_empty() => return Err(body),
            Poll::Pending => break (None, Read::Part),
            Poll::Ready(None) => break (None, Read::All { ends_late: true }),
            Poll::Ready(Some(Err(error))) => break (Some(error), Read::Part),
            Poll::Ready(Some(Ok(frame))) => {
                bytes += frame.data_ref().map_or(0, Bytes::len);
                frames.push_back(frame);
            }
        }
    };
    // What has ended, or failed, is not to be polled again.
    let goes_on = error.is_none() && matches!(read, Read::Part);
    let rest = goes_on.then(|| Box::pin(body));
    Ok((ResponseBody::drained(frames, error, rest), read))
}

/// A body that is kept, and announces itself to the client as the one did that it was made of.
struct Kept {
    body: ReplayBody<ResponseBody<Body>>,
    /// Whether its length was known before it was read. If not, it is sent in chunks.
    sized: bool,
    ends_late: bool,
    bare: Option<Arc<Request>>,
}

impl Kept {
    fn copy(&self) -> Option<Request> {
        let mut request = Request::try_clone(self.bare.as_deref()?)?;
        let copy = Self {
            body: self.body.try_clone()?,
            bare: self.bare.clone(),
            ..*self
        };
        *request.body_mut() = Some(Body::wrap(copy));
        Some(request)
    }
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = ReplayError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReplayError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        // From here on there is nothing more to be late with.
        self.ends_late &= frame.is_some();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        !self.ends_late && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        answer(|| self.copy());
        if self.sized {
            self.body.size_hint()
        } else {
            SizeHint::new()
        }
    }
}

/// What is said between [`ask`] and [`answer`].
#[derive(Default)]
enum Word {
    #[default]
    Nothing,
    Asked,
    Copied(Box<Request>),
}

thread_local! {
    /// reqwest boxes a body, and of what is in the box only the methods of a body can be called. So the
    /// one that tells its size is called, and a kept body leaves its copy here if it finds itself asked.
    static WORD: Cell<Word> = const { Cell::new(Word::Nothing) };
}

/// Asks a body for a copy. None comes from one that was not kept.
fn ask(body: &Body) -> Option<Request> {
    struct Forget;
    impl Drop for Forget {
        fn drop(&mut self) {
            WORD.set(Word::Nothing);
        }
    }
    WORD.set(Word::Asked);
    let forget = Forget;
    let _ = body.size_hint();
    let word = WORD.take();
    drop(forget);
    match word {
        Word::Copied(request) => Some(*request),
        Word::Nothing | Word::Asked => None,
    }
}

/// Leaves a copy if one was asked for.
fn answer(copy: impl FnOnce() -> Option<Request>) {
    // A thread that ends asks for nothing.
    let _ = WORD.try_with(|word| {
        let said = word.take();
        word.set(match said {
            Word::Asked => copy().map_or(Word::Nothing, |copy| Word::Copied(Box::new(copy))),
            said => said,
        });
    });
}
