//! A simulated API behind a gate of a fixed size, and requests that can be polled by hand.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::sleep;
use tokio_test::task::{self, Spawn};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::concurrency::{AdaptiveConcurrency, Handle};
use tower_throttle::queue::{Prioritized, Priority, PriorityLayer, QueueError};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

pub(crate) type Req = Request<Full<Bytes>>;
pub(crate) type Res = Response<Full<Bytes>>;
pub(crate) type Api = BoxCloneSyncService<Req, Res, Infallible>;
pub(crate) type Client = RetryOn429<AdaptiveConcurrency<Api>>;
pub(crate) type Error = QueueError<Infallible>;

pub(crate) const INTERACTIVE: Priority = Priority::INTERACTIVE;
pub(crate) const BATCH: Priority = Priority::BATCH;

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A request with a name, of a class.
pub(crate) fn request(name: &str, priority: Priority) -> Req {
    let uri = format!("http://api.test/{}", name.replace(' ', "-"));
    let request = Request::post(uri).extension(priority);
    request.body(Full::default()).unwrap()
}

/// What tells the class of such a request.
pub(crate) fn class(request: &Req) -> Priority {
    request.extensions().get().copied().unwrap_or_default()
}

/// A deadline, as an extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLeft(pub(crate) Duration);

pub(crate) fn time_left(request: &Req) -> Option<Duration> {
    request.extensions().get().map(|TimeLeft(left)| *left)
}

pub(crate) fn within(mut request: Req, left: Duration) -> Req {
    request.extensions_mut().insert(TimeLeft(left));
    request
}

/// What an API saw: the names of the requests, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Names>>);

#[derive(Debug, Default)]
struct Names {
    in_order: Vec<String>,
    counts: HashMap<String, usize>,
}

impl Seen {
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().in_order.clone()
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        let counts = &self.0.lock().unwrap().counts;
        counts.get(name).copied().unwrap_or_default()
    }

    fn add(&self, name: String) {
        let mut seen = self.0.lock().unwrap();
        *seen.counts.entry(name.clone()).or_default() += 1;
        seen.in_order.push(name);
    }
}

/// An API that takes `work` for each request, and refuses the n-th time that it sees a name if `refuses` says
/// so.
pub(crate) fn api_that(
    work: Duration,
    refuses: impl Fn(&str, usize) -> bool + Send + Sync + 'static,
) -> (Api, Seen) {
    let seen = Seen::default();
    let (log, refuses) = (seen.clone(), Arc::new(refuses));
    let api = service_fn(move |request: Req| {
        let name = request.uri().path().trim_start_matches('/').to_owned();
        let refused = refuses(&name, log.count(&name));
        log.add(name);
        async move {
            sleep(work).await;
            let status = if refused { 429 } else { 200 };
            let response = Response::builder().status(status);
            Ok(response.body(Full::default()).unwrap())
        }
    });
    (BoxCloneSyncService::new(api), seen)
}

pub(crate) fn api(work: Duration) -> (Api, Seen) {
    api_that(work, |_, _| false)
}

/// Both layers around an API, with this many permits.
pub(crate) fn client(api: Api, permits: usize) -> (Client, Handle) {
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(permits));
    let handle = gate.handle();
    let client = RetryOn429Layer::new().seed(7).layer(gate.layer(api));
    (client, handle)
}

/// The future of a request: the status of its answer.
pub(crate) type Sent<E> = Pin<Box<dyn Future<Output = Result<u16, E>> + Send>>;

/// A request that can be polled by hand, or spawned.
pub(crate) fn answer<S, B>(service: &S, request: Req) -> Sent<S::Error>
where
    S: Service<Req, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    B: 'static,
{
    let service = service.clone();
    Box::pin(async move { Ok(service.oneshot(request).await?.status().as_u16()) })
}

/// The same, as a task that is polled by hand.
pub(crate) fn by_hand<S, B>(service: &S, request: Req) -> Spawn<Sent<S::Error>>
where
    S: Service<Req, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    B: 'static,
{
    task::spawn(answer(service, request))
}

/// A clone of a client whose requests are of this class.
pub(crate) fn of_class<S: Clone>(client: &S, priority: Priority) -> Prioritized<S> {
    PriorityLayer::new(priority).layer(client.clone())
}

/// Lets all that can run do so, without time passing.
pub(crate) async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
