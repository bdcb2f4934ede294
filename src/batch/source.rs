//! The stream of requests.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use pin_project_lite::pin_project;

pin_project! {
    /// A stream of requests that cannot fail, as [`Batch::run`](super::Batch::run) takes it.
    #[derive(Clone, Debug)]
    pub struct Requests<St> {
        #[pin]
        inner: St,
    }
}

impl<St> Requests<St> {
    pub(super) const fn new(inner: St) -> Self {
        Self { inner }
    }
}

impl<St: Stream> Stream for Requests<St> {
    type Item = Result<St::Item, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().inner.poll_next(cx).map(|item| item.map(Ok))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}
