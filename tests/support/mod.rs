//! Services and bodies for the tests of the retry layer.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part"
)]

pub mod refresh;
pub mod server;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use tokio::time::Instant;
use tower::ServiceExt as _;
use tower_service::Service;

pub type Req = Request<Full<Bytes>>;

pub fn get() -> Req {
    Request::new(Full::default())
}

pub fn post(body: &'static str) -> Req {
    Request::post("http://api.test/")
        .body(Full::from(body))
        .unwrap()
}

pub fn status(status: u16) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .body(Full::default())
        .unwrap()
}

pub fn retry_after(seconds: u64) -> Response<Full<Bytes>> {
    let builder = Response::builder()
        .status(429)
        .header("retry-after", seconds);
    builder.body(Full::default()).unwrap()
}

/// What a service answers to a `GET`.
pub async fn answer_of<S>(service: S) -> S::Response
where
    S: Service<Req>,
    S::Error: std::fmt::Debug,
{
    service.oneshot(get()).await.unwrap()
}

pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A service that gives the answers it was given, then 200s, and notes what it was sent, and when.
pub struct Script<R, E = Infallible, Q = Req> {
    pub answers: Arc<Mutex<VecDeque<Result<R, E>>>>,
    pub seen: Arc<Mutex<Vec<(Instant, Q)>>>,
}

impl<R, E, Q> Script<R, E, Q> {
    pub fn of(answers: impl IntoIterator<Item = Result<R, E>>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            seen: Arc::default(),
        }
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Whether this is so of every request that came.
    pub fn all(&self, mut so: impl FnMut(&Q) -> bool) -> bool {
        self.seen.lock().unwrap().iter().all(|(_, sent)| so(sent))
    }

    pub fn times(&self) -> Vec<Instant> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .map(|(at, _)| *at)
            .collect()
    }
}

pub fn script<R>(answers: impl IntoIterator<Item = R>) -> Script<R> {
    Script::of(answers.into_iter().map(Ok))
}

impl<R, E, Q> std::fmt::Debug for Script<R, E, Q> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl<R, E, Q> Clone for Script<R, E, Q> {
    fn clone(&self) -> Self {
        Self {
            answers: Arc::clone(&self.answers),
            seen: Arc::clone(&self.seen),
        }
    }
}

impl<B: Default, E, Q> Service<Q> for Script<Response<B>, E, Q> {
    type Response = Response<B>;
    type Error = E;
    type Future = Ready<Result<Response<B>, E>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Q) -> Self::Future {
        self.seen.lock().unwrap().push((Instant::now(), request));
        let answer = self.answers.lock().unwrap().pop_front();
        ready(answer.unwrap_or_else(|| Ok(Response::new(B::default()))))
    }
}

/// A body of given frames, that then ends or goes on for ever, and tells when it is dropped.
#[derive(Default)]
pub struct TestBody {
    pub frames: VecDeque<Result<Frame<Bytes>, &'static str>>,
    /// What comes after the frames.
    pub then: Then,
    pub alive: Option<Arc<()>>,
}

#[derive(Clone, Copy, Default)]
pub enum Then {
    #[default]
    End,
    Pend,
    /// The same byte, always ready.
    Flood(&'static [u8]),
}

impl TestBody {
    pub fn of(parts: &[&'static str]) -> Self {
        let frames = parts
            .iter()
            .map(|p| Ok(Frame::data(Bytes::from_static(p.as_bytes()))));
        Self {
            frames: frames.collect(),
            ..Self::default()
        }
    }

    pub fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    pub fn error(mut self, error: &'static str) -> Self {
        self.frames.push_back(Err(error));
        self
    }

    pub fn trailer(mut self, name: &'static str, value: &'static str) -> Self {
        let mut trailers = http::HeaderMap::new();
        trailers.insert(name, value.parse().unwrap());
        self.frames.push_back(Ok(Frame::trailers(trailers)));
        self
    }

    pub fn alive(mut self, alive: &Arc<()>) -> Self {
        self.alive = Some(Arc::clone(alive));
        self
    }
}

impl Body for TestBody {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match (self.frames.pop_front(), self.then) {
            (Some(frame), _) => Poll::Ready(Some(frame)),
            (None, Then::End) => Poll::Ready(None),
            (None, Then::Pend) => Poll::Pending,
            (None, Then::Flood(data)) => {
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(data)))))
            }
        }
    }
}
