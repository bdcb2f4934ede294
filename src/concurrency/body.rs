//! The body that holds a permit.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::gate::Slot;

/// When a request that was accepted gives its permit back.
///
/// A refused one gives it back with the answer's head in any case: the server does no work for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReleaseAt {
    /// When the answer's body ended, failed or was dropped: the server is at work until then. A
    /// caller that sends a second request before it reads the first answer's body may wait for
    /// itself under this rule.
    #[default]
    BodyEnd,
    /// When the answer's head is there.
    Headers,
}

pin_project! {
    /// A response body that holds its request's permit.
    ///
    /// The permit is returned when the body ends, fails or is dropped. Data, errors and size hint
    /// are the wrapped body's.
    pub struct GuardedBody<B> {
        #[pin]
        inner: B,
        slot: Option<Slot>,
    }
}

impl<B> GuardedBody<B> {
    #[inline]
    pub(super) fn new(inner: B, slot: Option<Slot>) -> Self {
        Self { inner, slot }
    }

    /// The wrapped body.
    pub fn get_ref(&self) -> &B {
        &self.inner
    }

    /// The wrapped body, mutably. A permit is returned only when the guarded body sees the end, or
    /// is dropped.
    pub fn get_mut(&mut self) -> &mut B {
        &mut self.inner
    }

    /// The wrapped body itself; the permit is returned.
    pub fn into_inner(self) -> B {
        self.inner
    }
}

impl<B> fmt::Debug for GuardedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedBody")
            .field("slot", &self.slot)
            .finish_non_exhaustive()
    }
}

impl<B: Body> Body for GuardedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        // hyper and others stop polling once `is_end_stream` says so, and never see the `None`.
        if !matches!(frame, Some(Ok(_))) || this.inner.is_end_stream() {
            *this.slot = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
