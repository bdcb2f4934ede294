//! A simulated API as a tower service on tokio's clock, paused or not.

mod body;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use tower_service::Service;

use crate::work::Job;

use body::Work;
pub use body::{Answers, Body};

/// What the server knows when a request comes.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Seconds since the server was made.
    pub now: f64,
    /// How many it works on, without this one.
    pub busy: usize,
    /// How many came before.
    pub number: usize,
    pub path: &'a str,
    /// The job that the request carries among its extensions.
    pub job: Option<&'a Job>,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub struct Fate {
    pub status: u16,
    /// Seconds until the answer.
    pub takes: f64,
    pub headers: HeaderMap,
    /// Whether it is in flight until then.
    pub held: bool,
    /// Whether it is refused for a reason that no client can help.
    pub disturbed: bool,
}

impl Fate {
    /// A 200 after a number of seconds.
    pub fn served(takes: f64) -> Self {
        Self {
            status: 200,
            takes,
            headers: HeaderMap::new(),
            held: true,
            disturbed: false,
        }
    }

    /// A refusal, which comes after 5 ms and occupies nothing.
    pub fn refused(status: u16) -> Self {
        Self {
            status,
            held: false,
            ..Self::served(0.005)
        }
    }

    /// Served in a number of seconds if a limit takes it, or else refused with a 429.
    pub fn taken_if(taken: bool, takes: f64) -> Self {
        if taken {
            Self::served(takes)
        } else {
            Self::refused(429)
        }
    }

    /// Whether it is a refusal.
    pub fn is_refusal(&self) -> bool {
        self.status != 200
    }

    /// The same with a header.
    ///
    /// # Panics
    ///
    /// If `value` is no header's value.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers are passed as they are"
    )]
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        let value = value.to_string().try_into().expect("a header's value");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// The same with a header, if it is a refusal.
    #[must_use]
    pub fn header_if_refused(self, name: &'static str, value: impl ToString) -> Self {
        if self.is_refusal() {
            self.header(name, value)
        } else {
            self
        }
    }
}

/// What decides on requests.
pub trait Backend: Send + 'static {
    /// Decides on a request when it comes.
    fn decide(&mut self, arrival: Arrival<'_>) -> Fate;

    /// The work for a job that was accepted ends, or is given up.
    fn end(&mut self, _now: f64, _job: &Job) {}

    /// What an accepted answer tells when it is given, beside the headers of its fate.
    fn tell(&mut self, _now: f64) -> HeaderMap {
        HeaderMap::new()
    }
}

impl<F: FnMut(Arrival<'_>) -> Fate + Send + 'static> Backend for F {
    fn decide(&mut self, arrival: Arrival<'_>) -> Fate {
        self(arrival)
    }
}

/// What the server saw.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// When each accepted attempt began, for which client and job.
    pub accepted: Vec<(f64, usize, usize)>,
    /// How many were in flight from a moment on.
    pub in_flight: Vec<(f64, usize)>,
    /// When each attempt came.
    pub calls: Vec<f64>,
    /// Refused by a limit.
    pub refused: usize,
    /// Refused for reasons that no client can help.
    pub disturbed: usize,
}

struct State {
    backend: Box<dyn Backend>,
    in_flight: usize,
    peak: usize,
    log: Log,
}

struct Shared {
    began: Instant,
    state: Mutex<State>,
}

impl Shared {
    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("state")
    }
}

/// How what is accepted is answered.
#[derive(Clone, Debug, Default)]
struct Manner {
    answers: Answers,
    /// After which share of the work a streamed answer begins.
    head: f64,
    /// When nothing comes in and nothing goes out.
    stalls: Vec<Range<f64>>,
}

/// One client's connection to the API. A clone is the same one.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
    manner: Arc<Manner>,
    client: usize,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("in_flight", &self.in_flight())
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server of short answers. It begins now.
    ///
    /// # Panics
    ///
    /// If there is no runtime of tokio's.
    pub fn new(backend: impl FnMut(Arrival<'_>) -> Fate + Send + 'static) -> Self {
        Self::of(backend)
    }

    /// The same of any backend.
    ///
    /// # Panics
    ///
    /// If there is no runtime of tokio's.
    pub fn of(backend: impl Backend) -> Self {
        let state = State {
            backend: Box::new(backend),
            in_flight: 0,
            peak: 0,
            log: Log::default(),
        };
        let shared = Shared {
            began: Instant::now(),
            state: Mutex::new(state),
        };
        Self {
            shared: Arc::new(shared),
            manner: Arc::default(),
            client: 0,
        }
    }

    /// Answers what is accepted in this way. A streamed answer begins after the share `head` of the work.
    #[must_use]
    pub fn answers(mut self, answers: Answers, head: f64) -> Self {
        let manner = Arc::make_mut(&mut self.manner);
        (manner.answers, manner.head) = (answers, head);
        self
    }

    /// Nothing comes and nothing is answered in these seconds, as on a machine that is busy.
    #[must_use]
    pub fn stalls(mut self, stalls: Vec<Range<f64>>) -> Self {
        Arc::make_mut(&mut self.manner).stalls = stalls;
        self
    }

    /// The same API, as another client sees it.
    #[must_use]
    pub fn seen_by(&self, client: usize) -> Self {
        Self {
            client,
            ..self.clone()
        }
    }

    /// Seconds since the server was made.
    pub fn now(&self) -> f64 {
        self.shared.now()
    }

    /// When the server was made.
    pub fn began(&self) -> Instant {
        self.shared.began
    }

    /// How many are in flight.
    pub fn in_flight(&self) -> usize {
        self.shared.lock().in_flight
    }

    /// The most that were in flight.
    pub fn peak(&self) -> usize {
        self.shared.lock().peak
    }

    /// How many attempts there have been.
    pub fn sent(&self) -> usize {
        self.shared.lock().log.calls.len()
    }

    /// How many of them were refused.
    pub fn refused(&self) -> usize {
        let log = &self.shared.lock().log;
        log.refused + log.disturbed
    }

    /// What was seen so far.
    pub fn log(&self) -> Log {
        self.shared.lock().log.clone()
    }

    /// Waits for the end of a stall.
    async fn pass(&self) {
        let now = self.now();
        let mut stalls = self.manner.stalls.iter();
        if let Some(stall) = stalls.find(|stall| stall.contains(&now)) {
            sleep(Duration::from_secs_f64(stall.end - now)).await;
        }
    }

    /// Takes a request in or refuses it.
    fn decide(&self, request: &Request<Full<Bytes>>) -> Fate {
        let state = &mut *self.shared.lock();
        let now = self.now();
        let job = request.extensions().get::<Job>();
        let arrival = Arrival {
            now,
            busy: state.in_flight,
            number: state.log.calls.len(),
            path: request.uri().path(),
            job,
        };
        let id = job.map_or(arrival.number, |job| job.id);
        let fate = state.backend.decide(arrival);
        let log = &mut state.log;
        log.calls.push(now);
        match (fate.is_refusal(), fate.disturbed) {
            (false, _) => log.accepted.push((now, self.client, id)),
            (true, false) => log.refused += 1,
            (true, true) => log.disturbed += 1,
        }
        if fate.held {
            state.in_flight += 1;
            state.peak = state.peak.max(state.in_flight);
            log.in_flight.push((now, state.in_flight));
        }
        fate
    }
}

/// Counts a request as in flight until the work for it is done or given up.
#[derive(Debug)]
struct InFlight {
    server: Server,
    job: Option<Job>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let now = self.server.now();
        let mut state = self.server.shared.lock();
        if let Some(job) = &self.job {
            state.backend.end(now, job);
        }
        state.in_flight -= 1;
        let in_flight = state.in_flight;
        state.log.in_flight.push((now, in_flight));
    }
}

impl Service<Request<Full<Bytes>>> for Server {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            server.pass().await;
            let fate = server.decide(&request);
            let in_flight = fate.held.then(|| InFlight {
                server: server.clone(),
                job: request.extensions().get().copied(),
            });
            let takes = |share: f64| Duration::from_secs_f64(share * fate.takes);
            let body = match server.manner.answers {
                Answers::Streamed if !fate.is_refusal() => {
                    let work = in_flight.map(|place| Work::begin(place, takes(1.0)));
                    sleep(takes(server.manner.head)).await;
                    server.pass().await;
                    Body::streamed(work)
                }
                answers => {
                    sleep(takes(1.0)).await;
                    server.pass().await;
                    drop(in_flight);
                    if answers == Answers::Short || fate.is_refusal() {
                        Body::short()
                    } else {
                        Body::chunked()
                    }
                }
            };
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::from_u16(fate.status).expect("a status");
            *response.headers_mut() = fate.headers;
            // The headers of a refusal say how things were when it was made.
            if fate.status == 200 {
                let told = server.shared.lock().backend.tell(server.now());
                response.headers_mut().extend(told);
            }
            Ok(response)
        })
    }
}
