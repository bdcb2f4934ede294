//! `Batch`, over a client alone and over the layers.

mod bounds;
mod drops;
mod gates;
#[cfg(feature = "journal")]
mod journal;
mod results;
mod source;
mod types;

use std::convert::Infallible;
use std::future::Future;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceBuilder, service_fn};
use tower_throttle::concurrency::Handle;
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429Layer};

pub(super) use crate::support::{ms, secs};

type Req = Request<Full<Bytes>>;
type Client = BoxCloneSyncService<Req, Response<Full<Bytes>>, &'static str>;

/// Counts what an API was sent.
#[derive(Clone, Default)]
struct Calls {
    sent: Arc<AtomicUsize>,
    in_flight: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
}

impl Calls {
    fn sent(&self) -> usize {
        self.sent.load(SeqCst)
    }

    fn in_flight(&self) -> usize {
        self.in_flight.load(SeqCst)
    }

    fn peak(&self) -> usize {
        self.peak.load(SeqCst)
    }

    /// One more, until it is dropped.
    fn enter(&self) -> impl Drop + Send + use<> {
        struct Entered(Calls);
        impl Drop for Entered {
            fn drop(&mut self) {
                self.0.in_flight.fetch_sub(1, SeqCst);
            }
        }
        self.sent.fetch_add(1, SeqCst);
        let in_flight = self.in_flight.fetch_add(1, SeqCst) + 1;
        self.peak.fetch_max(in_flight, SeqCst);
        Entered(self.clone())
    }
}

/// A request for this path.
fn to(path: impl std::fmt::Display) -> Req {
    let request = Request::post(format!("http://api.test/{path}"));
    request.body(Full::default()).unwrap()
}

/// An API whose paths say what it does: how many milliseconds a request takes, and with which status it is answered,
/// such as `/100/404`. The answer's body is the path. It fails at `/100/error`, and panics at `/100/panic`.
fn api(calls: &Calls) -> Client {
    let calls = calls.clone();
    BoxCloneSyncService::new(service_fn(move |request: Req| {
        let calls = calls.clone();
        async move {
            let entered = calls.enter();
            let path = request.uri().path().to_owned();
            let mut parts = path[1..].split('/');
            let takes = parts.next().and_then(|ms| ms.parse().ok()).unwrap_or(0);
            sleep(Duration::from_millis(takes)).await;
            drop(entered);
            let status = match parts.next() {
                Some("error") => return Err("broken"),
                Some("panic") => panic!("the client panics"),
                Some(status) => status.parse().unwrap_or(200),
                None => 200,
            };
            let response = Response::builder().status(status);
            Ok(response.body(Full::from(path)).unwrap())
        }
    }))
}

/// The same behind a gate with a limit that is known.
fn gated(calls: &Calls, limit: usize) -> (AdaptiveConcurrency<Client>, Handle) {
    let layer = AdaptiveConcurrencyLayer::with_limit(Fixed::new(limit)).seed(1);
    let gate = layer.handle();
    (layer.layer(api(calls)), gate)
}

/// A request for each of these, the first taking `ms` milliseconds.
fn requests(ms: impl IntoIterator<Item = u64>) -> Vec<Req> {
    ms.into_iter().map(to).collect()
}

/// What is there without waiting.
fn now<St: Stream + Unpin>(stream: &mut St) -> Option<Option<St::Item>> {
    stream.next().now_or_never()
}

/// The next result, or `Err` if the poll panics.
async fn caught<St: Stream + Unpin>(stream: &mut St) -> Result<Option<St::Item>, ()> {
    poll_fn(|cx| {
        let poll = AssertUnwindSafe(|| stream.poll_next_unpin(cx));
        match catch_unwind(poll) {
            Ok(poll) => poll.map(Ok),
            Err(_) => std::task::Poll::Ready(Err(())),
        }
    })
    .await
}

/// How many seconds something takes.
async fn timed<F: Future>(future: F) -> (F::Output, f64) {
    let start = Instant::now();
    let output = future.await;
    (output, start.elapsed().as_secs_f64())
}
