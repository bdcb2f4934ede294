//! The body that is read as it passes by.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::reader::Reader;

pin_project! {
    /// A response body from which the usage is read.
    ///
    /// Frames, trailers, errors and the size hint are the wrapped body's. Data are `Bytes`: of an inner body of `Bytes`, as
    /// clients have it, nothing is copied.
    pub struct UsageBody<B> {
        #[pin]
        inner: B,
        // `None` if there is nothing to settle, or no more. Settles when it is dropped.
        reader: Option<Box<Reader>>,
    }
}

impl<B> UsageBody<B> {
    pub(super) const fn new(inner: B, reader: Option<Box<Reader>>) -> Self {
        Self { inner, reader }
    }

    /// Returns a reference to the wrapped body.
    pub const fn get_ref(&self) -> &B {
        &self.inner
    }

    /// Returns a mutable reference to the wrapped body. What is read of it directly is not seen.
    pub const fn get_mut(&mut self) -> &mut B {
        &mut self.inner
    }

    /// Returns the wrapped body. The charge is settled by what was seen of it.
    pub fn into_inner(self) -> B {
        self.inner
    }
}

impl<B> fmt::Debug for UsageBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsageBody")
            .field("reads", &self.reader.is_some())
            .finish_non_exhaustive()
    }
}

impl<B: Body> Body for UsageBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        let Some(Ok(frame)) = frame else {
            *this.reader = None;
            return Poll::Ready(frame.map(|frame| frame.map(to_bytes)));
        };
        let frame = to_bytes(frame);
        if let (Some(reader), Some(data)) = (this.reader.as_mut(), frame.data_ref()) {
            reader.read(data);
        }
        // hyper and others stop polling once `is_end_stream` says so, and never see the `None`.
        if this.inner.is_end_stream() {
            *this.reader = None;
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn to_bytes<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}
