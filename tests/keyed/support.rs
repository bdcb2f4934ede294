//! An API that is a closure, and the requests to it.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::sleep;
use tower::{Layer, Service};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::keyed::{Keyed, KeyedLayer};

pub(crate) type Body = Full<Bytes>;
pub(crate) type Req = Request<Body>;
pub(crate) type Answer = Response<Body>;

type Rule = dyn Fn(&Req) -> (Duration, Answer) + Send + Sync;

/// Answers each request after a time.
#[derive(Clone)]
pub(crate) struct Api(Arc<Rule>);

impl Api {
    pub(crate) fn new(rule: impl Fn(&Req) -> (Duration, Answer) + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }

    /// Serves every request, each in this time.
    pub(crate) fn serving(time: Duration) -> Self {
        Self::new(move |_| (time, status(200)))
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api")
    }
}

impl Service<Req> for Api {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let (time, answer) = (self.0)(&request);
        Box::pin(async move {
            if !time.is_zero() {
                sleep(time).await;
            }
            Ok(answer)
        })
    }
}

pub(crate) fn status(status: u16) -> Answer {
    let mut answer = Response::new(Full::from("{}"));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

pub(crate) fn retry_after(seconds: u64) -> Answer {
    with_header(status(429), "retry-after", &seconds.to_string())
}

pub(crate) fn with_header(mut answer: Answer, name: &'static str, value: &str) -> Answer {
    answer.headers_mut().insert(name, value.parse().unwrap());
    answer
}

/// A request whose key is its path.
pub(crate) fn to(path: &str) -> Req {
    Request::get(format!("http://api.test/{path}"))
        .body(Full::default())
        .unwrap()
}

pub(crate) type ByPath = fn(&Req) -> String;
pub(crate) type Client = Keyed<Api, String, ByPath>;

fn path(request: &Req) -> String {
    request.uri().path()[1..].to_owned()
}

/// A layer whose key is the path, with gates that let as many through.
pub(crate) fn by_path(limit: usize) -> KeyedLayer<String, ByPath> {
    KeyedLayer::new(path as ByPath).gates(move |_| gate(limit))
}

pub(crate) fn gate(limit: usize) -> AdaptiveConcurrencyLayer {
    AdaptiveConcurrencyLayer::with_limit(Fixed::new(limit))
}

pub(crate) fn client(layer: &KeyedLayer<String, ByPath>, api: Api) -> Client {
    layer.layer(api)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
