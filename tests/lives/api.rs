//! A simulated API behind the layers, on the paused clock, and programs that call it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

pub(crate) type Answer = Response<Full<Bytes>>;

/// How the API treats a request.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    pub(crate) status: u16,
    /// Seconds until the answer.
    pub(crate) takes: f64,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Fate {
    pub(crate) fn served(takes: f64) -> Self {
        Self {
            status: 200,
            takes,
            headers: Vec::new(),
        }
    }

    /// A refusal comes after 5 ms.
    pub(crate) fn refused(status: u16) -> Self {
        Self {
            status,
            ..Self::served(0.005)
        }
    }

    /// Served in a number of seconds if a limit takes it, or else refused with a 429.
    pub(crate) fn taken_if(taken: bool, takes: f64) -> Self {
        if taken {
            Self::served(takes)
        } else {
            Self::refused(429)
        }
    }

    pub(crate) fn header_if_refused(self, name: &'static str, value: impl ToString) -> Self {
        if self.status == 200 {
            self
        } else {
            self.header(name, value)
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers are passed as they are"
    )]
    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// What the API knows when a request comes.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    /// Seconds since the API was made.
    pub(crate) now: f64,
    /// How many it works on, without this one.
    pub(crate) busy: usize,
    /// How many came before.
    pub(crate) number: usize,
    pub(crate) path: &'a str,
}

type Rule = Box<dyn FnMut(Arrival<'_>) -> Fate + Send>;

struct State {
    rule: Rule,
    busy: usize,
    peak: usize,
    arrived: usize,
    refused: usize,
}

/// The API: a clone is the same one.
#[derive(Clone)]
pub(crate) struct Api {
    state: Arc<Mutex<State>>,
    start: Instant,
    stalls: Arc<Vec<Range<f64>>>,
}

impl Api {
    pub(crate) fn new(rule: impl FnMut(Arrival<'_>) -> Fate + Send + 'static) -> Self {
        let state = State {
            rule: Box::new(rule),
            busy: 0,
            peak: 0,
            arrived: 0,
            refused: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            start: Instant::now(),
            stalls: Arc::default(),
        }
    }

    /// Nothing comes and nothing is answered in these seconds, as on a machine that is busy.
    pub(crate) fn stalls(self, stalls: Vec<Range<f64>>) -> Self {
        Self {
            stalls: Arc::new(stalls),
            ..self
        }
    }

    async fn pass(&self) {
        let now = self.start.elapsed().as_secs_f64();
        if let Some(stall) = self.stalls.iter().find(|stall| stall.contains(&now)) {
            sleep(Duration::from_secs_f64(stall.end - now)).await;
        }
    }

    pub(crate) fn refused(&self) -> usize {
        self.state.lock().unwrap().refused
    }

    pub(crate) fn peak(&self) -> usize {
        self.state.lock().unwrap().peak
    }
}

impl Service<Request<Full<Bytes>>> for Api {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let api = self.clone();
        Box::pin(async move {
            api.pass().await;
            let fate = {
                let state = &mut *api.state.lock().unwrap();
                let fate = (state.rule)(Arrival {
                    now: api.start.elapsed().as_secs_f64(),
                    busy: state.busy,
                    number: state.arrived,
                    path: request.uri().path(),
                });
                state.arrived += 1;
                state.busy += usize::from(fate.status == 200);
                state.peak = state.peak.max(state.busy);
                state.refused += usize::from(fate.status != 200);
                fate
            };
            sleep(Duration::from_secs_f64(fate.takes)).await;
            api.pass().await;
            if fate.status == 200 {
                api.state.lock().unwrap().busy -= 1;
            }
            let mut answer = Response::builder().status(fate.status);
            for (name, value) in fate.headers {
                answer = answer.header(name, value);
            }
            Ok(answer.body(Full::from("{}")).unwrap())
        })
    }
}

pub(crate) fn get(path: &str) -> Request<Full<Bytes>> {
    let request = Request::builder().uri(format!("http://api.example{path}"));
    request.body(Full::default()).unwrap()
}

/// A client without its types.
pub(crate) type Client = tower::util::BoxCloneService<Request<Full<Bytes>>, u16, Infallible>;

fn boxed<S, B>(service: S) -> Client
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: 'static,
{
    let status = |answer: Response<B>| answer.status().as_u16();
    tower::util::BoxCloneService::new(ServiceExt::map_response(service, status))
}

/// Both layers with their defaults.
pub(crate) fn throttled(api: &Api) -> Client {
    boxed(
        ServiceBuilder::new()
            .layer(RetryOn429Layer::new().seed(1))
            .layer(AdaptiveConcurrencyLayer::new().seed(1))
            .service(api.clone()),
    )
}

/// The retry layer alone.
pub(crate) fn retried(api: &Api) -> Client {
    boxed(
        ServiceBuilder::new()
            .layer(RetryOn429Layer::new().seed(1))
            .service(api.clone()),
    )
}

/// Both layers, the inner one with a limit that somebody knew.
pub(crate) fn fixed(api: &Api, limit: usize) -> Client {
    boxed(
        ServiceBuilder::new()
            .layer(RetryOn429Layer::new().seed(1))
            .layer(AdaptiveConcurrencyLayer::with_limit(Fixed::new(limit)).seed(1))
            .service(api.clone()),
    )
}

/// Sends all at once, each from a clone and a task of its own, and takes the seconds until the last is
/// answered. All must be served.
pub(crate) async fn batch(client: &Client, jobs: usize) -> f64 {
    of_kinds(client, jobs, |_| "/".into()).await
}

/// The same with a path for each job.
pub(crate) async fn of_kinds(client: &Client, jobs: usize, path: impl Fn(usize) -> String) -> f64 {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for job in 0..jobs {
        tasks.spawn(client.clone().oneshot(get(&path(job))));
    }
    while let Some(answer) = tasks.join_next().await {
        assert_eq!(answer.unwrap().unwrap(), 200);
    }
    start.elapsed().as_secs_f64()
}

/// A token bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: f64,
    depth: f64,
    tokens: f64,
    at: f64,
}

impl Bucket {
    pub(crate) fn new(rate: f64, depth: f64) -> Self {
        Self {
            rate,
            depth,
            tokens: depth,
            at: 0.0,
        }
    }

    pub(crate) fn tokens(&mut self, now: f64) -> f64 {
        self.tokens = (self.tokens + self.rate * (now - self.at)).min(self.depth);
        self.at = now;
        self.tokens
    }

    pub(crate) fn take(&mut self, now: f64) -> bool {
        let taken = self.tokens(now) >= 1.0 - 1e-9;
        self.tokens -= f64::from(u8::from(taken));
        taken
    }

    /// Seconds until the next is taken.
    pub(crate) fn wait(&mut self, now: f64) -> f64 {
        ((1.0 - self.tokens(now)) / self.rate).max(0.0)
    }
}

/// At most `limit` requests in any `period` seconds.
#[derive(Debug)]
pub(crate) struct Log {
    limit: usize,
    period: f64,
    taken: VecDeque<f64>,
}

impl Log {
    pub(crate) fn new(limit: usize, period: f64) -> Self {
        Self {
            limit,
            period,
            taken: VecDeque::new(),
        }
    }

    pub(crate) fn take(&mut self, now: f64) -> bool {
        let gone = |at: &f64| *at <= now - self.period + 1e-9;
        let gone = self.taken.iter().take_while(|at| gone(at)).count();
        self.taken.drain(..gone);
        let taken = self.taken.len() < self.limit;
        if taken {
            self.taken.push_back(now);
        }
        taken
    }

    pub(crate) fn wait(&self, now: f64) -> f64 {
        let first = self.taken.front().map_or(now, |at| at + self.period);
        (first - now).max(0.0)
    }
}

/// A number of requests in each period, of which the first begins with the first request.
#[derive(Debug)]
pub(crate) struct Window {
    limit: usize,
    period: f64,
    began: Option<f64>,
    taken: usize,
}

impl Window {
    pub(crate) fn new(limit: usize, period: f64) -> Self {
        Self {
            limit,
            period,
            began: None,
            taken: 0,
        }
    }

    pub(crate) fn take(&mut self, now: f64) -> bool {
        if self.began.is_none_or(|began| now >= began + self.period) {
            (self.began, self.taken) = (Some(now), 0);
        }
        self.taken += 1;
        self.taken <= self.limit
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    pub(crate) fn wait(&self, now: f64) -> f64 {
        self.began
            .map_or(0.0, |began| (began + self.period - now).max(0.0))
    }
}

/// A number between 0 and 1 that is the same for the same request of the same run.
pub(crate) fn chance(seed: u64, number: usize) -> f64 {
    fastrand::Rng::with_seed(seed << 32 | number as u64).f64()
}

/// One request, and the status of its answer.
pub(crate) async fn one(client: Client, path: &str) -> u16 {
    client.oneshot(get(path)).await.unwrap()
}
