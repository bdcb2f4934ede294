//! A body that says it is read once.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::message::TryCloneBody;

pin_project! {
    /// A request body that can be sent once.
    ///
    /// A request with such a body gets one attempt, and the answer to it is returned whatever it
    /// is. For bodies that are not `Clone`, such as a stream or an upload passed on, when they
    /// are not worth keeping in a [`ReplayBody`](super::ReplayBody); and for bodies that are
    /// `Clone` but must not be sent twice.
    ///
    /// ```
    /// use http_body_util::Empty;
    /// use tower_throttle::message::TryCloneBody;
    /// use tower_throttle::retry::SingleUse;
    ///
    /// let body = SingleUse::new(Empty::<bytes::Bytes>::new());
    /// assert!(body.try_clone().is_none());
    /// ```
    #[derive(Debug, Default)]
    pub struct SingleUse<B> {
        #[pin]
        body: B,
    }
}

impl<B> SingleUse<B> {
    /// Creates a body that is sent once.
    pub const fn new(body: B) -> Self {
        Self { body }
    }

    /// Returns a reference to the inner body.
    pub const fn get_ref(&self) -> &B {
        &self.body
    }

    /// Returns a mutable reference to the inner body.
    pub const fn get_mut(&mut self) -> &mut B {
        &mut self.body
    }

    /// Returns the inner body.
    pub fn into_inner(self) -> B {
        self.body
    }
}

impl<B> TryCloneBody for SingleUse<B> {
    fn try_clone(&self) -> Option<Self> {
        None
    }
}

impl<B: Body> Body for SingleUse<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
