//! The embedded API: an HTTP server on loopback that keeps to its limits.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use embedded_api::{Held, accept};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::best::Draws;
use crate::hints::Hints;
use crate::limits::{Counts, Limits, Refusal};
use crate::spec::Spec;

/// How long the API takes to turn a request away.
const REFUSAL: Duration = Duration::from_millis(2);

/// A running API. It stops when this is dropped.
pub(crate) struct Api {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    started: Instant,
    hints: Hints,
    state: Mutex<State>,
}

struct State {
    limits: Limits,
    draws: Draws,
}

impl Api {
    /// Starts an API on a free port.
    pub(crate) async fn start(spec: &Spec, hints: Hints, latency: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Shared::new(spec, hints, latency);
        let server = tokio::spawn(accept(listener, {
            let shared = Arc::clone(&shared);
            move |stream| serve(stream, Arc::clone(&shared))
        }));
        Ok(Self {
            address,
            shared,
            server,
        })
    }

    pub(crate) fn uri(&self) -> Uri {
        let uri = format!("http://{}/v1/posts", self.address);
        uri.parse().expect("an address makes a sound URI")
    }

    pub(crate) fn counts(&self) -> Counts {
        self.shared.lock().limits.counts
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What a request costs where tokens are counted: an estimate, four bytes to the token.
pub(crate) fn tokens(body: &[u8]) -> u64 {
    (body.len() as u64).div_ceil(4).max(1)
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    // A client that hangs up is no concern of the API's.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Answer>, Infallible> {
    let Ok(body) = request.into_body().collect().await else {
        return Ok(respond(
            StatusCode::BAD_REQUEST,
            &json!({ "error": "no body" }),
            None,
        ));
    };
    let body = body.to_bytes();
    let post = match serde_json::from_slice::<Value>(&body) {
        Ok(post) => post,
        Err(error) => {
            let error = json!({ "error": error.to_string() });
            return Ok(respond(StatusCode::BAD_REQUEST, &error, None));
        }
    };
    let cost = tokens(&body);
    let (mut response, refusal) = match shared.admit(cost) {
        Ok((place, work)) => {
            sleep(work).await;
            let words = post["text"].as_str().unwrap_or_default();
            let words = words.split_whitespace().count();
            let answer = json!({ "id": post["id"], "words": words, "tokens": cost });
            (respond(StatusCode::OK, &answer, Some(place)), None)
        }
        Err(refusal) if refusal.too_large => {
            let error = json!({ "error": "the request is larger than the limit" });
            return Ok(respond(StatusCode::PAYLOAD_TOO_LARGE, &error, None));
        }
        Err(refusal) => {
            let body = shared.hints.refusal(&refusal);
            sleep(REFUSAL).await;
            let response = respond(StatusCode::TOO_MANY_REQUESTS, &body, None);
            (response, Some(refusal))
        }
    };
    let quotas = {
        let now = shared.started.elapsed();
        shared.lock().limits.quotas(now)
    };
    let headers = shared
        .hints
        .headers(&quotas, refusal.as_ref(), SystemTime::now());
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), value.try_into()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

impl Shared {
    fn new(spec: &Spec, hints: Hints, latency: Duration) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            hints,
            state: Mutex::new(State {
                limits: Limits::new(spec),
                draws: Draws::new(latency),
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// A place for the request and the time to work on it, or why there is none.
    fn admit(self: &Arc<Self>, cost: u64) -> Result<(Place, Duration), Refusal> {
        let mut state = self.lock();
        // Read under the lock, so that time does not run backwards for the limits.
        state.limits.admit(self.started.elapsed(), cost)?;
        let work = state.draws.next().expect("draws do not end");
        Ok((Place(Arc::clone(self)), work))
    }
}

/// An accepted request's place, until its answer is written or its connection is gone.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().limits.finish();
    }
}

fn respond(status: StatusCode, body: &Value, place: Option<Place>) -> Response<Answer> {
    let body = Full::from(body.to_string());
    let mut response = Response::new(Held::new(body, place));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    response
}

/// An answer's body, which keeps the request's place until hyper has written it.
type Answer = Held<Full<Bytes>, Option<Place>>;

#[cfg(test)]
mod tests;
