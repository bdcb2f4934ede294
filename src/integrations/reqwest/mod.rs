//! `reqwest`'s request and response as the layers see them.
//!
//! With these, a layer wraps `reqwest::Client` and `reqwest_middleware::ClientWithMiddleware` as
//! they are: both are services of `reqwest::Request`.

mod body;

use std::error::Error;
use std::mem;

use bytes::Bytes;
use http::response::Parts;
use http::{Extensions, HeaderMap, Method, StatusCode};
use http_body::Body;
use reqwest::{Request, Response, ResponseBuilderExt};

use crate::message::{HttpResponse, ReplayRequest, WithBody};

/// Bodies in memory are cloned by reference count, multipart forms too. A stream makes the request one
/// that is sent once, unless [`buffer_bodies`](crate::RetryOn429Layer::buffer_bodies) says otherwise.
impl ReplayRequest for Request {
    fn try_clone(&self) -> Option<Self> {
        self.try_clone().or_else(|| body::copy(self))
    }

    /// A body that gives all its frames without waiting is taken to be in memory: up to 1,024 frames, and
    /// up to the frame with which it reaches 64 MiB.
    fn prepare(&mut self, buffer: Option<usize>) {
        body::keep(self, buffer);
    }

    fn method(&self) -> &Method {
        self.method()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }
}

impl HttpResponse for Response {
    type Body = reqwest::Body;

    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }

    fn extensions(&self) -> &Extensions {
        self.extensions()
    }

    fn extensions_mut(&mut self) -> &mut Extensions {
        self.extensions_mut()
    }

    fn into_parts(self) -> (Parts, reqwest::Body) {
        // reqwest keeps the URL beside the response, and takes it back from an extension that only
        // a builder can make.
        let mut url = http::Response::builder().url(self.url().clone());
        let (mut parts, body) = http::Response::from(self).into_parts();
        if let Some(url) = url.extensions_mut() {
            parts.extensions.extend(mem::take(url));
        }
        (parts, body)
    }
}

impl<B> WithBody<B> for Response
where
    B: Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = Response;

    fn from_parts(parts: Parts, body: B) -> Response {
        let body = reqwest::Body::wrap(body);
        http::Response::from_parts(parts, body).into()
    }
}
