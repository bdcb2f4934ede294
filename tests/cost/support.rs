//! An API that counts tokens by minute, and clients that know what their requests cost.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use sim::api::{Api, Refused};
use sim::costs::Costs;
use sim::hints::Style;
use sim::limits::{Rule, Unit};
use sim::schedule::Schedule;
use sim::work::{Job, rng};
use sim::{Arrival, Backend, Fate, Server, Simulated};
use tokio::task::JoinSet;
use tower::{Service, ServiceExt};
use tower_throttle::cost::Cost;

pub(crate) type Req = Request<Full<Bytes>>;

/// A bucket of tokens: its refill by minute, and the most that it holds.
pub(crate) fn bucket(per_minute: f64, burst: f64) -> Rule {
    Rule::Bucket {
        per_minute: Schedule::always(per_minute),
        burst,
        unit: Unit::Tokens,
    }
}

/// An API with such a bucket, which tells of it in this way.
pub(crate) fn server(per_minute: f64, burst: f64, hints: Style) -> Server {
    let api = Api {
        hints,
        ..Api::with(bucket(per_minute, burst))
    };
    Server::of(Limited {
        api: Simulated::new(api),
        most: burst as u32,
        luck: rng(1, 1),
    })
}

struct Limited {
    api: Simulated,
    /// What is dearer is always refused.
    most: u32,
    luck: fastrand::Rng,
}

impl Limited {
    fn admit(&mut self, arrival: &Arrival<'_>) -> Result<f64, Refused> {
        let job = arrival.job.expect("a job in the request");
        if job.cost.total() > self.most {
            return Err(Refused::disturbed(429));
        }
        self.api
            .admit(arrival.now, job.cost, arrival.busy, &mut self.luck)?;
        Ok(job.latency)
    }
}

impl Backend for Limited {
    fn decide(&mut self, arrival: Arrival<'_>) -> Fate {
        match self.admit(&arrival) {
            Ok(latency) => Fate::served(latency),
            Err(refused) => Fate {
                headers: self.api.headers(arrival.now, Some(&refused)),
                ..Fate::refused(refused.status)
            },
        }
    }

    fn tell(&mut self, now: f64) -> HeaderMap {
        self.api.headers(now, None)
    }
}

/// A request that takes this, and four seconds.
pub(crate) fn job(cost: u32) -> Req {
    let mut request = Request::post("http://api.test/v1/chat").body(Full::default());
    let job = Job {
        cost: cost.into(),
        latency: 4.0,
        ..Job::default()
    };
    request.as_mut().unwrap().extensions_mut().insert(job);
    request.unwrap()
}

/// What such a request costs.
pub(crate) fn cost(request: &Req) -> Cost {
    let job = request.extensions().get::<Job>().expect("a job");
    Cost::tokens(u64::from(job.cost.total()))
}

/// 200, one in ten 6,000.
pub(crate) fn mixed(jobs: usize) -> Vec<Req> {
    let costs = Costs::Mixed {
        cheap: 200,
        dear: 6_000,
        nth: 10,
    };
    let draw = |id| job(costs.draw(&mut rng(7, id as u64), id, jobs).total());
    (0..jobs).map(draw).collect()
}

/// Sends all at once, and returns how many seconds they took. All are served.
pub(crate) async fn send_all<S, B>(client: &S, requests: Vec<Req>) -> f64
where
    S: Service<Req, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: std::fmt::Debug + Send,
    B: Send + 'static,
{
    let start = tokio::time::Instant::now();
    let mut tasks = JoinSet::new();
    for request in requests {
        tasks.spawn(client.clone().oneshot(request));
    }
    while let Some(answer) = tasks.join_next().await {
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }
    start.elapsed().as_secs_f64()
}

/// An answer without a limit.
pub(crate) fn answer(status: u16) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status);
    response.body(Full::from("{}")).unwrap()
}

type Answered = std::future::Ready<Result<Response<Full<Bytes>>, Infallible>>;

/// Serves everything.
pub(crate) fn open()
-> impl Service<Req, Response = Response<Full<Bytes>>, Error = Infallible, Future = Answered>
+ Clone
+ Send {
    tower::service_fn(|_: Req| std::future::ready(Ok(answer(200))))
}
