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
use reqwest::{Request, Response, ResponseBuilderExt, Url};

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

    fn mark_response(&self, parts: &mut Parts) {
        set_url(parts, self.url().clone());
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
        let url = self.url().clone();
        let (mut parts, body) = http::Response::from(self).into_parts();
        set_url(&mut parts, url);
        (parts, body)
    }
}

/// reqwest keeps the URL beside the response, and takes it back from an extension that only a builder can
/// make.
fn set_url(parts: &mut Parts, url: Url) {
    let mut builder = http::Response::builder().url(url);
    if let Some(made) = builder.extensions_mut() {
        parts.extensions.extend(mem::take(made));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::{CloneRequest, Replay};

    fn request(url: &str) -> Request {
        Request::new(Method::GET, url.parse().unwrap())
    }

    /// An answer to the first of these URLs.
    fn answer(url: &str) -> Response {
        let response = http::Response::builder().url(url.parse().unwrap());
        response.status(429).body("later").unwrap().into()
    }

    #[test]
    fn a_copied_answer_has_the_url_of_the_request_that_it_answers() {
        let (mut parts, body) = answer("http://api.test/first?a=1").into_parts();
        let second = request("http://api.test/second?b=2");
        Replay.mark_response(&second, &mut parts);
        let response = Response::from_parts(parts, body);
        assert_eq!(response.url(), second.url());
        assert_eq!(response.status(), 429);
    }

    #[test]
    fn an_answer_that_is_its_own_keeps_its_url() {
        let (parts, body) = answer("http://api.test/first?a=1").into_parts();
        let response = Response::from_parts(parts, body);
        assert_eq!(response.url().as_str(), "http://api.test/first?a=1");
    }
}
