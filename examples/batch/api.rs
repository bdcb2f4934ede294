//! The embedded API: an HTTP server on loopback that keeps to its limits.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use embedded_api::{Held, accept};
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sim::hints::{Exactness, Moment, Style, headers, refusal_body};
use sim::limits::{Limits, Refusal};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::best::Draws;
use crate::hints::Hints;
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
    spec: Spec,
    hints: Style,
    state: Mutex<State>,
}

struct State {
    limits: Limits,
    in_flight: usize,
    counts: Counts,
    draws: Draws,
}

/// What the API saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    /// The most accepted requests at once.
    pub(crate) peak: usize,
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
        self.shared.lock().counts
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What a request costs where tokens are counted: an estimate, four bytes to the token.
pub(crate) fn tokens(body: &[u8]) -> u32 {
    u32::try_from(body.len().div_ceil(4))
        .unwrap_or(u32::MAX)
        .max(1)
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
            json!({ "error": "no body" }).to_string(),
            None,
        ));
    };
    let body = body.to_bytes();
    let post = match serde_json::from_slice::<Value>(&body) {
        Ok(post) => post,
        Err(error) => {
            let error = json!({ "error": error.to_string() });
            return Ok(respond(StatusCode::BAD_REQUEST, error.to_string(), None));
        }
    };
    let cost = tokens(&body);
    if !shared.spec.takes(cost) {
        // An error of the client's, and not a matter of time.
        let error = json!({ "error": "the request is larger than the limit" });
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(respond(status, error.to_string(), None));
    }
    let (mut response, refused) = match shared.admit(cost) {
        Ok((place, work)) => {
            sleep(work).await;
            let words = post["text"].as_str().unwrap_or_default();
            let words = words.split_whitespace().count();
            let answer = json!({ "id": post["id"], "words": words, "tokens": cost });
            (
                respond(StatusCode::OK, answer.to_string(), Some(place)),
                None,
            )
        }
        Err(refusal) => {
            let body = refusal_body(shared.hints, &refusal);
            sleep(REFUSAL).await;
            let response = respond(StatusCode::TOO_MANY_REQUESTS, body, None);
            (response, Some(refusal.wait))
        }
    };
    response.headers_mut().extend(shared.tell(refused));
    Ok(response)
}

impl Shared {
    fn new(spec: &Spec, hints: Hints, latency: Duration) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            spec: spec.clone(),
            hints: hints.style(),
            state: Mutex::new(State {
                limits: Limits::new(&spec.rules()),
                in_flight: 0,
                counts: Counts::default(),
                draws: Draws::new(latency),
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// A place for the request and the time to work on it, or why there is none.
    fn admit(self: &Arc<Self>, cost: u32) -> Result<(Place, Duration), Refusal> {
        let state = &mut *self.lock();
        // Read under the lock, so that time does not run backwards for the limits.
        let now = self.started.elapsed().as_secs_f64();
        let admitted = state.limits.admit(now, cost, state.in_flight);
        state.counts.refused += u64::from(admitted.is_err());
        admitted?;
        state.in_flight += 1;
        state.counts.accepted += 1;
        state.counts.peak = state.counts.peak.max(state.in_flight);
        let work = state.draws.next().expect("draws do not end");
        Ok((Place(Arc::clone(self)), work))
    }

    /// The headers of an answer that is given now.
    fn tell(&self, refused: Option<Option<f64>>) -> HeaderMap {
        let now = self.started.elapsed().as_secs_f64();
        let quotas = self.lock().limits.quotas(now);
        let date = SystemTime::now().duration_since(UNIX_EPOCH);
        let date = Moment::since_epoch(date.unwrap_or_default().as_secs_f64());
        headers(self.hints, Exactness::WholeUnits, date, &quotas, refused)
    }
}

/// An accepted request's place, until its answer is written or its connection is gone.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}

fn respond(status: StatusCode, body: String, place: Option<Place>) -> Response<Answer> {
    let body = Full::from(body);
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
