//! The service.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::UsageBody;
use super::provider::Usage;
use super::reader::Reader;
use crate::message::{HttpResponse, WithBody};

/// A client whose answers settle what their requests were charged. See the [module docs](super).
#[derive(Clone, Copy, Debug)]
pub struct ReadUsage<S> {
    inner: S,
    usage: Usage,
}

impl<S> ReadUsage<S> {
    /// Reads the answers of a service.
    pub const fn new(inner: S, usage: Usage) -> Self {
        Self { inner, usage }
    }

    /// Returns a reference to the wrapped service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the wrapped service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the wrapped service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

type BodyOf<R> = <R as HttpResponse>::Body;

impl<S, Request> Service<Request> for ReadUsage<S>
where
    S: Service<Request>,
    S::Response: WithBody<UsageBody<BodyOf<S::Response>>>,
{
    type Response = <S::Response as WithBody<UsageBody<BodyOf<S::Response>>>>::Output;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        ResponseFuture {
            inner: self.inner.call(request),
            usage: self.usage,
        }
    }
}

pin_project! {
    /// The future of [`ReadUsage`].
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        usage: Usage,
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: WithBody<UsageBody<BodyOf<R>>>,
{
    type Output = Result<R::Output, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        let reader = Reader::of(*this.usage, &response);
        Poll::Ready(Ok(response.map_body(|body| UsageBody::new(body, reader))))
    }
}
