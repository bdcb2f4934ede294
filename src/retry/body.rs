//! The body of an answer, of which the layer may have read a part.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::message::{HttpResponse, WithBody};

pub(super) type BodyOf<R> = <R as HttpResponse>::Body;

/// What [`RetryOn429`](super::RetryOn429) makes of a response.
pub(super) type Answer<R> = <R as WithBody<ResponseBody<BodyOf<R>>>>::Output;

pin_project! {
    /// The response body of [`RetryOn429`](super::RetryOn429): the inner body, untouched.
    ///
    /// If the layer has read a part of it to find out why a request was refused, that part comes
    /// first, frame by frame as it arrived, then the rest. Frames, trailers and errors are the inner
    /// body's. Where the layer itself answers, with a copy of an older refusal
    /// ([`Unsent`](crate::message::Unsent)), it is what was kept of that answer's body.
    ///
    /// Data are `Bytes`: of an inner body of `Bytes`, as clients have it, nothing is copied.
    pub struct ResponseBody<B>
    where
        B: Body,
    {
        #[pin]
        body: Inner<B>,
    }
}

pin_project! {
    #[project = InnerProj]
    enum Inner<B>
    where
        B: Body,
    {
        Untouched { #[pin] body: B },
        Drained { drained: Box<Drained<B>> },
        Kept { data: Bytes },
    }
}

struct Drained<B: Body> {
    frames: VecDeque<Frame<Bytes>>,
    error: Option<B::Error>,
    rest: Option<Pin<Box<B>>>,
}

impl<B: Body> ResponseBody<B> {
    pub(crate) fn new(body: B) -> Self {
        Self {
            body: Inner::Untouched { body },
        }
    }

    /// A copy of what was kept of another answer's body.
    pub(super) fn kept(data: Bytes) -> Self {
        Self {
            body: Inner::Kept { data },
        }
    }

    pub(crate) fn drained(
        frames: VecDeque<Frame<Bytes>>,
        error: Option<B::Error>,
        rest: Option<Pin<Box<B>>>,
    ) -> Self {
        Self {
            body: Inner::Drained {
                drained: Box::new(Drained {
                    frames,
                    error,
                    rest,
                }),
            },
        }
    }
}

impl<B: Body> ResponseBody<B> {
    /// Returns a reference to the inner body, if it is as the client gave it. `None` if the layer has read
    /// a part of it, or itself answered.
    pub fn get_ref(&self) -> Option<&B> {
        match &self.body {
            Inner::Untouched { body } => Some(body),
            Inner::Drained { .. } | Inner::Kept { .. } => None,
        }
    }

    /// Returns a mutable reference to the inner body, under the condition of [`get_ref`](Self::get_ref).
    pub fn get_mut(&mut self) -> Option<&mut B> {
        match &mut self.body {
            Inner::Untouched { body } => Some(body),
            Inner::Drained { .. } | Inner::Kept { .. } => None,
        }
    }

    /// Returns the inner body, if it is as the client gave it. Otherwise returns this body, so that nothing
    /// of it is lost.
    ///
    /// # Errors
    ///
    /// If the layer has read a part of the inner body, or itself answered.
    pub fn into_inner(self) -> Result<B, Self> {
        match self.body {
            Inner::Untouched { body } => Ok(body),
            body => Err(Self { body }),
        }
    }
}

/// What a body's poll comes to.
type PollFrame<B> = Poll<Option<Result<Frame<Bytes>, <B as Body>::Error>>>;

/// The next frame of an inner body, its data as `Bytes`.
pub(super) fn poll_bytes<B: Body>(body: Pin<&mut B>, cx: &mut Context<'_>) -> PollFrame<B> {
    body.poll_frame(cx).map_ok(|frame| {
        // Of `Bytes`, this takes them as they are.
        frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
    })
}

impl<B: Body> Drained<B> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> PollFrame<B> {
        if let Some(frame) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match &mut self.rest {
            Some(rest) => poll_bytes(rest.as_mut(), cx),
            None => Poll::Ready(None),
        }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    #[inline]
    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> PollFrame<B> {
        match self.project().body.project() {
            InnerProj::Untouched { body } => poll_bytes(body, cx),
            InnerProj::Drained { drained } => drained.poll_frame(cx),
            InnerProj::Kept { data } if data.is_empty() => Poll::Ready(None),
            InnerProj::Kept { data } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(data))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Inner::Untouched { body } => body.is_end_stream(),
            Inner::Drained { drained } => {
                drained.frames.is_empty()
                    && drained.error.is_none()
                    && drained
                        .rest
                        .as_ref()
                        .is_none_or(|rest| rest.is_end_stream())
            }
            Inner::Kept { data } => data.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Inner::Untouched { body } => body.size_hint(),
            Inner::Drained { drained } => {
                let read = drained.frames.iter().filter_map(Frame::data_ref);
                let read = read.map(|data| data.len() as u64).sum();
                let rest = match &drained.rest {
                    Some(rest) => rest.size_hint(),
                    None if drained.error.is_some() => SizeHint::new(),
                    None => SizeHint::with_exact(0),
                };
                following(read, &rest)
            }
            Inner::Kept { data } => SizeHint::with_exact(data.len() as u64),
        }
    }
}

/// The hint of a body of which `known` bytes come before the rest.
pub(super) fn following(known: u64, rest: &SizeHint) -> SizeHint {
    let mut hint = SizeHint::new();
    hint.set_lower(rest.lower().saturating_add(known));
    if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(known)) {
        hint.set_upper(upper);
    }
    hint
}

impl<B: Body> fmt::Debug for ResponseBody<B> {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drained = match &self.body {
            Inner::Untouched { .. } | Inner::Kept { .. } => 0,
            Inner::Drained { drained } => drained.frames.len(),
        };
        f.debug_struct("ResponseBody")
            .field("frames_drained", &drained)
            .finish_non_exhaustive()
    }
}
