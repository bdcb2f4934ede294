//! The API: a token bucket, places, or both, over HTTP.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::Result;

/// The header by which a process says which one it is.
pub(crate) const MEMBER: &str = "x-member";

/// What the API limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Requests per second, and how many at once after an idle time.
    pub(crate) rate: Option<(f64, f64)>,
    pub(crate) places: Option<usize>,
    /// Seconds that each request takes.
    pub(crate) latency: f64,
}

impl Limits {
    /// The most that is accepted in this number of seconds.
    pub(crate) fn best(&self, seconds: f64) -> f64 {
        let by_rate = self.rate.map(|(rate, burst)| rate * seconds + burst);
        let by_places = self
            .places
            .map(|places| places as f64 * seconds / self.latency);
        by_rate
            .into_iter()
            .chain(by_places)
            .fold(f64::INFINITY, f64::min)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    /// When, and of which process.
    pub(crate) accepted: Vec<(f64, usize)>,
    pub(crate) refused: Vec<f64>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    filled_at: f64,
    in_flight: usize,
    log: Log,
}

/// The API at work.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    limits: Limits,
    began: Instant,
    state: Arc<Mutex<State>>,
}

impl Api {
    /// Listens, and says at which port.
    pub(crate) async fn start(limits: Limits) -> Result<(Self, u16)> {
        let state = State {
            tokens: limits.rate.map_or(0.0, |(_, burst)| burst),
            filled_at: 0.0,
            in_flight: 0,
            log: Log::default(),
        };
        let api = Self {
            limits,
            began: Instant::now(),
            state: Arc::new(Mutex::new(state)),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let served = api.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let api = served.clone();
                let answer = service_fn(move |request| api.clone().answer(request));
                let server = hyper::server::conn::http1::Builder::new();
                tokio::spawn(server.serve_connection(TokioIo::new(stream), answer));
            }
        });
        Ok((api, port))
    }

    pub(crate) fn take_log(&self) -> Log {
        std::mem::take(&mut self.state.lock().expect("state").log)
    }

    pub(crate) fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn take(&self, member: usize) -> bool {
        let now = self.now();
        let mut state = self.state.lock().expect("state");
        let state = &mut *state;
        let mut taken = self
            .limits
            .places
            .is_none_or(|places| state.in_flight < places);
        if let Some((rate, burst)) = self.limits.rate {
            state.tokens = (state.tokens + rate * (now - state.filled_at)).min(burst);
            state.filled_at = now;
            taken &= state.tokens >= 1.0;
            state.tokens -= f64::from(u8::from(taken));
        }
        if taken {
            state.in_flight += 1;
            state.log.accepted.push((now, member));
        } else {
            state.log.refused.push(now);
        }
        taken
    }

    async fn answer(
        self,
        request: Request<Incoming>,
    ) -> std::result::Result<Response<Empty<&'static [u8]>>, Infallible> {
        let member = request
            .headers()
            .get(MEMBER)
            .and_then(|member| member.to_str().ok()?.parse().ok());
        let mut response = Response::new(Empty::new());
        if self.take(member.unwrap_or_default()) {
            sleep(Duration::from_secs_f64(self.limits.latency)).await;
            self.state.lock().expect("state").in_flight -= 1;
        } else {
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        }
        Ok(response)
    }
}
