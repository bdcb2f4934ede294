//! The simulated API, as a service on tokio's paused clock.

mod body;
mod state;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use tower::Service;

use crate::hints;
use crate::limits::Limits;
use crate::scenario::Scenario;
use crate::vector::{Drawn, LastSecond};
use crate::work::{Job, rng};

use body::Work;
pub use body::{Answers, Body};
use state::{Refused, State};

/// How long it takes to be refused.
const REFUSAL: f64 = 0.035;

/// What the server saw.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// When each accepted attempt began, for which client and job.
    pub accepted: Vec<(f64, usize, usize)>,
    /// How many were in flight from a moment on.
    pub in_flight: Vec<(f64, usize)>,
    /// When each attempt came, in runs of Vector's model.
    pub calls: Vec<f64>,
    /// Refused by a limit.
    pub refused: usize,
    /// Refused for reasons that no client can help.
    pub disturbed: usize,
}

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug)]
struct Fate {
    after: f64,
    refusal: Option<Refused>,
    /// Whether it is in flight until then.
    held: bool,
}

#[derive(Debug)]
struct Shared {
    scenario: Scenario,
    began: Instant,
    state: Mutex<State>,
}

impl Shared {
    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}

/// One client's connection to the API.
#[derive(Clone, Debug)]
pub struct Server {
    shared: Arc<Shared>,
    client: usize,
}

impl Server {
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let state = State {
            limits: Limits::new(&scenario.rules),
            in_flight: 0,
            log: Log::default(),
            luck: rng(seed, u64::MAX),
            attempts: 0,
            last_second: LastSecond::default(),
        };
        let scenario = scenario.clone();
        let shared = Shared {
            scenario,
            began: Instant::now(),
            state: Mutex::new(state),
        };
        Self {
            shared: Arc::new(shared),
            client: 0,
        }
    }

    /// The same API, as another client sees it.
    pub fn seen_by(&self, client: usize) -> Self {
        Self {
            shared: self.shared.clone(),
            client,
        }
    }

    /// Seconds since the run began.
    pub fn now(&self) -> f64 {
        self.shared.now()
    }

    /// When the run began.
    pub fn began(&self) -> Instant {
        self.shared.began
    }

    /// How many are in flight.
    pub fn in_flight(&self) -> usize {
        self.shared.state.lock().expect("state").in_flight
    }

    /// How many attempts there have been.
    pub fn sent(&self) -> usize {
        let log = &self.shared.state.lock().expect("state").log;
        log.accepted.len() + log.refused + log.disturbed
    }

    /// How many of them were refused.
    pub fn refused(&self) -> usize {
        let log = &self.shared.state.lock().expect("state").log;
        log.refused + log.disturbed
    }

    /// What was seen so far.
    pub fn log(&self) -> Log {
        self.shared.state.lock().expect("state").log.clone()
    }

    /// Takes a request in or refuses it.
    fn admit(&self, job: &Job) -> Fate {
        let (scenario, now) = (&self.shared.scenario, self.now());
        let mut state = self.shared.state.lock().expect("state");
        let state = &mut *state;
        let fate = match &scenario.vector {
            Some(model) => {
                let rate = state.last_second.count(now);
                state.log.calls.push(now);
                let Drawn {
                    after,
                    status,
                    held,
                } = model.draw(job.latency, scenario.latency, state.in_flight + 1, rate);
                let refusal = (status != 200).then(|| Refused::of(status));
                state.log.refused += usize::from(refusal.is_some());
                Fate {
                    after,
                    refusal,
                    held,
                }
            }
            None => match state.refuse(scenario, now, job) {
                Some(refusal) => Fate {
                    after: REFUSAL,
                    refusal: Some(refusal),
                    held: false,
                },
                None => {
                    let after = job.latency * scenario.slowdown(state.in_flight + 1);
                    Fate {
                        after,
                        refusal: None,
                        held: true,
                    }
                }
            },
        };
        if fate.held {
            state.in_flight += 1;
            state.log.in_flight.push((now, state.in_flight));
        }
        if fate.refusal.is_none() {
            state.log.accepted.push((now, self.client, job.id));
        }
        fate
    }

    fn answer(&self, refused: Option<Refused>, body: Body) -> Response<Body> {
        let shared = &self.shared;
        let now = self.now();
        let quotas = shared.state.lock().expect("state").limits.quotas(now);
        let mut response = Response::new(body);
        let status = refused.map_or(200, |refused| refused.refusal.status);
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        let (style, exactness) = (shared.scenario.hints, shared.scenario.exactness);
        let wait = refused.map(|refused| refused.refusal.wait);
        hints::write(response.headers_mut(), style, exactness, now, &quotas, wait);
        if let Some(seconds) = refused.and_then(|refused| refused.retry_after) {
            hints::retry_after(response.headers_mut(), seconds);
        }
        response
    }
}

/// Counts a request as in flight until the work for it is done or given up.
#[derive(Debug)]
struct InFlight(Server);

impl Drop for InFlight {
    fn drop(&mut self) {
        let now = self.0.now();
        let mut state = self.0.shared.state.lock().expect("state");
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
            let job = request
                .extensions()
                .get::<Job>()
                .expect("a job in the request");
            let fate = server.admit(job);
            let in_flight = fate.held.then(|| InFlight(server.clone()));
            // The headers of a refusal say how things were when it was made.
            let refused = fate
                .refusal
                .map(|refusal| server.answer(Some(refusal), Body::short()));
            let takes = |share: f64| Duration::from_secs_f64(share * fate.after);
            let body = match server.shared.scenario.answers {
                Answers::Streamed if refused.is_none() => {
                    let work = in_flight.map(|place| Work::begin(place, takes(1.0)));
                    sleep(takes(server.shared.scenario.head)).await;
                    Body::streamed(work)
                }
                answers => {
                    sleep(takes(1.0)).await;
                    drop(in_flight);
                    if answers == Answers::Short {
                        Body::short()
                    } else {
                        Body::chunked()
                    }
                }
            };
            Ok(refused.unwrap_or_else(|| server.answer(None, body)))
        })
    }
}
