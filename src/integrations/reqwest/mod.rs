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

use crate::message::{HttpResponse, ReplayRequest, WithBody, route};

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

    fn route(&self) -> Option<u64> {
        let url = self.url();
        let kind = (self.method(), url.authority(), url.path());
        Some(route(kind, self.headers()))
    }

    fn server(&self) -> Option<&str> {
        self.url().host_str()
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
    use std::convert::Infallible;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use http_body::{Frame, SizeHint};

    use super::*;
    use crate::retry::{CloneRequest, Replay};

    /// A request with a body of frames in memory, in a form that reqwest itself does not copy.
    fn framed() -> Request {
        let body = reqwest::Body::wrap(reqwest::Body::from("hello"));
        let request = http::Request::post("http://api.test/").extension(7_u8);
        let mut request = Request::try_from(request.body(body).unwrap()).unwrap();
        *request.timeout_mut() = Some(Duration::from_secs(3));
        *request.version_mut() = http::Version::HTTP_2;
        request
    }

    #[test]
    fn a_copy_has_all_that_the_request_has() {
        let mut request = framed();
        Replay.prepare(&mut request, None);
        request.headers_mut().insert("x-later", 1.into());
        let copy = Replay.clone_request(&request).unwrap();
        assert_eq!(copy.method(), request.method());
        assert_eq!(copy.url(), request.url());
        assert_eq!(copy.headers(), request.headers());
        assert_eq!(copy.version(), request.version());
        assert_eq!(copy.timeout(), request.timeout());
        assert_eq!(copy.body().unwrap().size_hint().exact(), Some(5));
        let copy = http::Request::try_from(copy).unwrap();
        assert_eq!(copy.extensions().get(), Some(&7_u8));
    }

    #[test]
    fn what_was_not_prepared_is_not_copied() {
        assert!(Replay.clone_request(&framed()).is_none());
    }

    #[test]
    fn a_body_that_panics_when_it_is_asked_leaves_no_question_behind() {
        struct Panics;
        impl Body for Panics {
            type Data = Bytes;
            type Error = Infallible;
            fn poll_frame(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
                Poll::Pending
            }
            fn size_hint(&self) -> SizeHint {
                panic!("inner")
            }
        }
        let mut panics = framed();
        *panics.body_mut() = Some(reqwest::Body::wrap(Panics));
        let ask = || ReplayRequest::try_clone(&panics);
        assert!(catch_unwind(AssertUnwindSafe(ask)).is_err());

        let mut kept = framed();
        Replay.prepare(&mut kept, None);
        // Nobody asks for a copy here, so none is left for the next that is asked.
        let _ = kept.body().unwrap().size_hint();
        assert!(ReplayRequest::try_clone(&framed()).is_none());
    }

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
