//! The body that holds a permit.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::gate::Slot;

/// An answer that says that its body has no more bytes than this returns its permit with its head:
/// 64 KiB. The server is done with it, and so short a body is on its way already.
pub const SHORT_BODY: u64 = 64 * 1024;

/// When a request that was accepted gives its permit back.
///
/// A refused one gives it back with the answer's head in any case: the server does no work for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReleaseAt {
    /// When the server's work is done, as far as can be seen:
    ///
    /// - with the answer's head, if the answer tells that its body has no more than [`SHORT_BODY`]
    ///   bytes;
    /// - otherwise when the body ends, fails or is dropped, or when others wait and it was not read for
    ///   [`body_idle`](super::AdaptiveConcurrencyLayer::body_idle). So a caller that keeps answers and
    ///   reads them later does not wait for itself.
    #[default]
    BodyEnd,
    /// When the answer's head is there.
    Headers,
}

pin_project! {
    /// A response body that holds its request's permit.
    ///
    /// The permit is returned when the body ends, fails or is dropped, or when others wait and nobody
    /// reads it. Data, errors and size hint are the wrapped body's.
    pub struct GuardedBody<B> {
        // `None` if the answer is the gate's own.
        #[pin]
        inner: Option<B>,
        slot: Option<Slot>,
    }
}

impl<B> GuardedBody<B> {
    #[inline]
    pub(super) fn new(inner: B, slot: Option<Slot>) -> Self {
        Self {
            inner: Some(inner),
            slot,
        }
    }

    /// Of an answer that no server gave.
    pub(super) fn empty() -> Self {
        Self {
            inner: None,
            slot: None,
        }
    }

    /// The wrapped body. `None` if the gate itself answered, with nothing: see
    /// [`Handle::close`](super::Handle::close).
    pub fn get_ref(&self) -> Option<&B> {
        self.inner.as_ref()
    }

    /// The wrapped body, mutably. A permit is returned only when the guarded body sees the end, or
    /// is dropped.
    pub fn get_mut(&mut self) -> Option<&mut B> {
        self.inner.as_mut()
    }

    /// The wrapped body itself, if there is one; the permit is returned.
    pub fn into_inner(self) -> Option<B> {
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
        let this = self.project();
        let Some(mut inner) = this.inner.as_pin_mut() else {
            return Poll::Ready(None);
        };
        let frame = inner.as_mut().poll_frame(cx);
        let ended = match &frame {
            Poll::Pending => false,
            // hyper and others stop polling once `is_end_stream` says so, and never see the `None`.
            Poll::Ready(Some(Ok(_))) => inner.is_end_stream(),
            Poll::Ready(_) => true,
        };
        if ended {
            *this.slot = None;
        } else if let Some(slot) = this.slot {
            slot.polled(frame.is_pending());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let none = || SizeHint::with_exact(0);
        self.inner.as_ref().map_or_else(none, Body::size_hint)
    }
}

/// How many bytes an answer's head says that its body has.
#[inline]
pub(super) fn told_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Whether the server has no more work with an answer than to send the little that is left.
#[inline]
pub(super) fn is_short<B: Body>(body: &B, told: Option<u64>) -> bool {
    let length = body.size_hint().exact().or(told);
    body.is_end_stream() || length.is_some_and(|length| length <= SHORT_BODY)
}
