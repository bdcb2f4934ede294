//! The future, which sees what becomes of a request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::health::Shared;
use crate::hint::Hint;
use crate::message::HttpResponse;

pin_project! {
    /// The future of a [`Spread`](super::Spread).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        shared: Arc<Shared>,
        at: usize,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, shared: Arc<Shared>, at: usize) -> Self {
        Self { inner, shared, at }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: HttpResponse,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        match &result {
            Ok(response) if is_refusal(response) => {}
            Ok(response) if !response.status().is_server_error() => this.shared.on_answer(*this.at),
            _ => this.shared.on_failure(*this.at),
        }
        Poll::Ready(result)
    }
}

/// Whether the gate below has taken it for a refusal. Then that sends less.
fn is_refusal<R: HttpResponse>(response: &R) -> bool {
    Hint::of(response.extensions()).is_some_and(Hint::is_refusal)
}
