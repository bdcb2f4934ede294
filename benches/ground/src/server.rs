//! The simulated API, as a service on tokio's paused clock.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::Instant;
use tower::Service;

use crate::hints;
use crate::limits::{Limits, Refusal};
use crate::scenario::Scenario;
use crate::work::{Job, rng};

/// How long it takes to be refused.
const REFUSAL: f64 = 0.035;

/// What the server saw.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// When each accepted attempt began, for which client and job.
    pub accepted: Vec<(f64, usize, usize)>,
    /// How many were in flight from a moment on.
    pub in_flight: Vec<(f64, usize)>,
    /// Refused by a limit.
    pub refused: usize,
    /// Refused for reasons that no client can help.
    pub disturbed: usize,
}

#[derive(Debug)]
struct State {
    limits: Limits,
    in_flight: usize,
    log: Log,
    luck: fastrand::Rng,
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
        };
        let scenario = scenario.clone();
        let shared = Shared { scenario, began: Instant::now(), state: Mutex::new(state) };
        Self { shared: Arc::new(shared), client: 0 }
    }

    /// The same API, as another client sees it.
    pub fn seen_by(&self, client: usize) -> Self {
        Self { shared: self.shared.clone(), client }
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

    /// What was seen so far.
    pub fn log(&self) -> Log {
        self.shared.state.lock().expect("state").log.clone()
    }

    /// Takes a request in and gives how long it will take, or refuses it.
    fn admit(&self, job: &Job) -> Result<f64, Refusal> {
        let (scenario, now) = (&self.shared.scenario, self.now());
        let mut state = self.shared.state.lock().expect("state");
        let state = &mut *state;
        let disturbed = match scenario.outage {
            Some((from, to)) if (from..to).contains(&now) => Some(503),
            _ if state.luck.f64() < scenario.overloaded => Some(529),
            _ => None,
        };
        if let Some(status) = disturbed {
            state.log.disturbed += 1;
            return Err(Refusal { status, wait: None });
        }
        if let Err(refusal) = state.limits.admit(now, job.cost, state.in_flight) {
            state.log.refused += 1;
            return Err(refusal);
        }
        state.in_flight += 1;
        state.log.in_flight.push((now, state.in_flight));
        state.log.accepted.push((now, self.client, job.id));
        Ok(job.latency * scenario.slowdown(state.in_flight))
    }

    fn answer(&self, refusal: Option<Refusal>) -> Response<Full<Bytes>> {
        let shared = &self.shared;
        let now = self.now();
        let quotas = shared.state.lock().expect("state").limits.quotas(now);
        let mut response = Response::new(Full::from("{}"));
        let status = refusal.map_or(200, |refusal| refusal.status);
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        let (style, exactness) = (shared.scenario.hints, shared.scenario.exactness);
        let wait = refusal.map(|refusal| refusal.wait);
        hints::write(response.headers_mut(), style, exactness, now, &quotas, wait);
        response
    }
}

/// Counts a request as in flight until it is answered or given up.
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
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let job = request.extensions().get::<Job>().expect("a job in the request");
            match server.admit(job) {
                Ok(latency) => {
                    let in_flight = InFlight(server.clone());
                    tokio::time::sleep(Duration::from_secs_f64(latency)).await;
                    drop(in_flight);
                    Ok(server.answer(None))
                }
                Err(refusal) => {
                    // The headers say how things were when the request was refused.
                    let answer = server.answer(Some(refusal));
                    tokio::time::sleep(Duration::from_secs_f64(REFUSAL)).await;
                    Ok(answer)
                }
            }
        })
    }
}
