//! Two runs of one program on one server.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use sim::best::last;
use sim::server::Server;
use sim::work::Job;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::{ServiceBuilder, ServiceExt as _};
use tower_throttle::concurrency::Learnt;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use super::cases::{Case, MOVES_AT};
use crate::clock::{InRun, Shown};
use crate::scenario::Scenario;
use crate::server;

/// When a run is over that does not end, in multiples of the best possible time, and in seconds beside that.
const PATIENCE: (f64, f64) = (20.0, 600.0);

/// What came of one batch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Batch {
    /// Makespan over the best possible.
    pub(super) ratio: f64,
    pub(super) refused: f64,
    pub(super) jobs: f64,
    pub(super) lost: f64,
}

impl Batch {
    pub(super) fn per_1000(&self) -> f64 {
        1000.0 * self.refused / self.jobs
    }
}

/// The first run, the second that begins with what it has learned, and the same that begins with nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ran {
    pub(super) first: Batch,
    pub(super) cold: Batch,
    pub(super) warm: Batch,
}

pub(super) fn run(case: &Case, seed: u64) -> Ran {
    let (first, warm) = on_paused_clock(case, seed, true);
    let (_, cold) = on_paused_clock(case, seed, false);
    Ran { first, cold, warm }
}

fn on_paused_clock(case: &Case, seed: u64, resumes: bool) -> (Batch, Batch) {
    fastrand::seed(seed);
    let _in_run = InRun::begin();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime
        .expect("a runtime")
        .block_on(two_runs(case, seed, resumes))
}

async fn two_runs(case: &Case, seed: u64, resumes: bool) -> (Batch, Batch) {
    let server = server::of(&case.of_both(), seed);
    let (first, learnt) = one_run(&server, &case.api, None, seed).await;
    let over = server.now();
    assert!(
        case.factor == 1.0 || over < MOVES_AT,
        "the limit moved too soon"
    );
    sleep(Duration::from_secs_f64(case.gap)).await;
    let learnt = learnt.aged(Duration::from_secs_f64(case.gap));
    let learnt = Some(learnt).filter(|_| resumes);
    let (second, _) = one_run(&server, &case.of_second(), learnt, seed + 1000).await;
    (first, second)
}

async fn one_run(
    server: &Server,
    api: &Scenario,
    learnt: Option<Learnt>,
    seed: u64,
) -> (Batch, Learnt) {
    let (began, refused) = (server.now(), server.refused());
    let jobs = api.jobs(seed);
    let best = last(&api.best(&jobs));
    let layer = AdaptiveConcurrencyLayer::new().seed(seed).resume(learnt);
    let handle = layer.handle();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().seed(seed))
        .layer(layer)
        .service(server.clone());
    let mut tasks = JoinSet::new();
    for job in jobs.iter().copied() {
        let client = client.clone();
        let answer = async move {
            let response = client.oneshot(request(job)).await.ok()?;
            let accepted = response.status().is_success();
            response.into_body().collect().await.ok()?;
            accepted.then_some(())
        };
        tasks.spawn(Shown::new(server.began(), answer));
    }
    let mut done = 0;
    let all = async {
        while let Some(answer) = tasks.join_next().await {
            done += usize::from(answer.is_ok_and(|answer| answer.is_some()));
        }
    };
    // Who is not served by then is lost.
    let patience = Duration::from_secs_f64(PATIENCE.0 * best + PATIENCE.1);
    let _ = timeout(patience, all).await;
    let batch = Batch {
        ratio: (server.now() - began) / best,
        refused: (server.refused() - refused) as f64,
        jobs: jobs.len() as f64,
        lost: (jobs.len() - done) as f64,
    };
    (batch, handle.export())
}

fn request(job: Job) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::from("{}"));
    request.extensions_mut().insert(job);
    request
}
