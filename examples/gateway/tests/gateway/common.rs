//! An upstream, a gateway before it, and a client.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::any;
use bytes::Bytes;
use gateway::{Config, Gateway};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

/// Nothing here takes as long, unless it hangs.
const HANGS: Duration = Duration::from_secs(60);

/// Serves an upstream and says where.
pub(crate) async fn upstream(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// What an upstream still has to say: its answer's body, piece by piece, or the error it ends with.
pub(crate) type Pieces = mpsc::UnboundedSender<std::io::Result<&'static str>>;

/// An upstream that answers one request, at `/v1/chat`, with what it is told to.
pub(crate) async fn told() -> (Pieces, String) {
    let (pieces, received) = mpsc::unbounded_channel();
    let received = Arc::new(Mutex::new(Some(received)));
    let answer = any(async move || {
        let received = received.lock().unwrap().take().unwrap();
        let body = Body::from_stream(UnboundedReceiverStream::new(received));
        ([("content-type", "text/event-stream")], body)
    });
    (
        pieces,
        upstream(Router::new().route("/v1/chat", answer)).await,
    )
}

/// The next piece of an answer's body.
pub(crate) async fn piece(body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    let frame = timeout(HANGS, body.frame()).await.expect("a piece comes");
    frame.map(|frame| frame.map(|frame| frame.into_data().unwrap()))
}

/// An upstream that answers whatever it is asked only when it may.
#[derive(Clone, Debug)]
pub(crate) struct Patient {
    pub(crate) url: String,
    /// A permit lets one answer out.
    pub(crate) may: Arc<Semaphore>,
    working: Arc<AtomicUsize>,
}

impl Patient {
    pub(crate) async fn start() -> Self {
        let may = Arc::new(Semaphore::new(0));
        let working = Arc::new(AtomicUsize::new(0));
        let state = (Arc::clone(&may), Arc::clone(&working));
        let answer = any(async move || {
            let (may, working) = state;
            let _work = Work::begin(working);
            may.acquire().await.unwrap().forget();
            "done"
        });
        let url = upstream(Router::new().route("/v1/{*rest}", answer)).await;
        Self { url, may, working }
    }

    /// How many requests it works on.
    pub(crate) fn working(&self) -> usize {
        self.working.load(Ordering::SeqCst)
    }
}

/// Counts as work until it is dropped, which hyper does when a client hangs up.
struct Work(Arc<AtomicUsize>);

impl Work {
    fn begin(working: Arc<AtomicUsize>) -> Self {
        working.fetch_add(1, Ordering::SeqCst);
        Self(working)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A gateway at work, and a client of it.
pub(crate) struct Running {
    pub(crate) stop: CancellationToken,
    pub(crate) served: JoinHandle<std::io::Result<bool>>,
    client: Caller,
}

/// A client of a gateway.
pub(crate) struct Caller {
    pub(crate) url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// A client of the gateway that is there.
pub(crate) fn client(url: &str) -> Caller {
    Caller {
        url: url.to_owned(),
        client: Client::builder(TokioExecutor::new()).build_http(),
    }
}

impl Deref for Running {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.client
    }
}

/// A gateway before one upstream, with settings that `set` may change.
pub(crate) async fn gateway(upstream: &str, set: impl FnOnce(&mut Config)) -> Running {
    gateway_of(&[format!("api={upstream}")], set).await
}

/// A gateway before these upstreams.
pub(crate) async fn gateway_of(upstreams: &[String], set: impl FnOnce(&mut Config)) -> Running {
    let targets = upstreams.iter().map(|text| text.parse().unwrap());
    let mut config = Config::new(targets.collect());
    set(&mut config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let served = tokio::spawn(Gateway::new(config).unwrap().serve(listener, stopped));
    Running {
        stop,
        served,
        client: client(&url),
    }
}

impl Caller {
    /// A request to this path, to be finished with `body`.
    pub(crate) fn post(&self, path: &str) -> axum::http::request::Builder {
        Request::post(format!("{}{path}", self.url))
    }

    /// Sends a request and returns its answer's head, with the body still to come.
    pub(crate) async fn send<B: Into<Bytes>>(
        &self,
        request: Request<B>,
    ) -> Result<Response<Incoming>, legacy::Error> {
        let request = request.map(|body| Full::new(body.into()));
        let answer = timeout(HANGS, self.client.request(request)).await;
        answer.expect("an answer comes")
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn fetch<B: Into<Bytes>>(&self, request: Request<B>) -> Response<Bytes> {
        let (head, body) = self.send(request).await.unwrap().into_parts();
        let body = timeout(HANGS, body.collect()).await.expect("the body ends");
        Response::from_parts(head, body.unwrap().to_bytes())
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Bytes> {
        let request = Request::get(format!("{}{path}", self.url));
        self.fetch(request.body("").unwrap()).await
    }

    /// Sends a request in a task, which ends the request when it is aborted.
    pub(crate) fn in_background(&self) -> JoinHandle<Response<Bytes>> {
        let (client, request) = (
            self.client.clone(),
            self.post("/v1/chat").body("x").unwrap(),
        );
        tokio::spawn(async move {
            let answer = client
                .request(request.map(|body| Full::new(body.into())))
                .await;
            let (head, body) = answer.unwrap().into_parts();
            Response::from_parts(head, body.collect().await.unwrap().to_bytes())
        })
    }

    /// The numbers that the page shows of an upstream.
    pub(crate) async fn status(&self, upstream: usize) -> Value {
        let status: Value = json(&self.get("/status.json").await);
        status["upstreams"][upstream].clone()
    }

    /// How many are in flight, and how many wait.
    pub(crate) async fn load(&self) -> (u64, u64) {
        let status = self.status(0).await;
        let number = |name: &str| status[name].as_u64().unwrap();
        (number("in_flight"), number("queued"))
    }

    /// Waits until `in_flight` requests are in flight, and `queued` wait.
    pub(crate) async fn until_load(&self, in_flight: u64, queued: u64) {
        let mut load = self.load().await;
        let reached = timeout(HANGS, async {
            while load != (in_flight, queued) {
                sleep(Duration::from_millis(10)).await;
                load = self.load().await;
            }
        });
        let reached = reached.await.is_ok();
        assert!(reached, "{load:?} instead of {:?}", (in_flight, queued));
    }
}

pub(crate) fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// The code of one of the gateway's own answers, which must stand in the header as well.
pub(crate) fn refusal(response: &Response<Bytes>) -> String {
    let code = json(response)["error"]["code"].as_str().unwrap().to_owned();
    assert_eq!(response.headers()["x-gateway-refusal"], code);
    code
}

/// Waits until this is so.
pub(crate) async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let reached = timeout(HANGS, async {
        while !so() {
            sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(reached.await.is_ok(), "not so: {what}");
}
