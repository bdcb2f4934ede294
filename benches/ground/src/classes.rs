//! Requests of two classes under one gate: who waits, how long, and what it costs.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use sim::schedule::Schedule;
use sim::work::Arrivals;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};
use tower_throttle::queue::{Priority, PriorityLayer};
use tower_throttle::retry::Attempts;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::check::Figure;
use crate::clock::{InRun, Shown};
use crate::measure::quantile;
use crate::runs::on_all_cores;
use crate::scenario::Scenario;
use crate::server;

/// How many seeds each runs with, by default.
pub const SEEDS: u64 = 12;

/// How the two classes stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// One class.
    OneClass,
    Weights,
    Strict,
}

impl Order {
    const ALL: [Self; 3] = [Self::OneClass, Self::Weights, Self::Strict];

    fn class(self, batch: bool) -> Priority {
        match (self, batch) {
            (Self::OneClass, _) => Priority::NORMAL,
            (_, true) => Priority::BATCH,
            (Self::Weights, false) => Priority::INTERACTIVE,
            (Self::Strict, false) => Priority::INTERACTIVE.strict(1),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::OneClass => "one class",
            Self::Weights => "16 : 1",
            Self::Strict => "strict",
        }
    }
}

/// The share of a class of weight 1 beside one of weight 16.
const SHARE: f64 = 1.0 / 17.0;

/// An API, a batch that comes at once, and what comes one by one meanwhile.
#[derive(Clone, Debug)]
struct Case {
    api: Scenario,
    batch: usize,
    /// Interactive requests per second, and for how many seconds. There are more than the API takes if the
    /// case is about shares.
    interactive: (f64, f64),
    overload: bool,
}

fn case(name: &'static str, title: &'static str, batch: usize, latency: f64) -> Case {
    Case {
        api: Scenario::new(name, title, batch, latency),
        batch,
        interactive: (0.0, 0.0),
        overload: false,
    }
}

impl Case {
    fn beside(mut self, per_second: f64, seconds: f64) -> Self {
        let count = (per_second * seconds) as usize;
        let one_by_one = (0..count).map(|nth| (nth as f64 + 0.5) / per_second);
        let times = std::iter::repeat_n(0.0, self.batch).chain(one_by_one);
        self.api.work.arrivals = Arrivals::Given(times.collect());
        self.api.work.jobs = self.batch + count;
        self.interactive = (per_second, seconds);
        self
    }
}

fn cases() -> Vec<Case> {
    let places = |mut case: Case| {
        case.api = case.api.in_flight(Schedule::always(40.0));
        case
    };
    let bucket = |mut case: Case, per_minute, burst| {
        case.api = case.api.bucket(per_minute, burst);
        case
    };
    let title = "40 places, batch of 2,000 and 2/s";
    let beside_places = places(case("places", title, 2000, 4.0).beside(2.0, 195.0));
    let title = "bucket 600/min, batch of 2,000 and 2/s";
    let beside_bucket = case("bucket", title, 2000, 0.5).beside(2.0, 195.0);
    let title = "bucket 600/min, batch of 600 and 12/s";
    let mut overload = case("overload", title, 600, 0.5).beside(12.0, 300.0);
    overload.overload = true;
    let title = "bucket 500/min, 3,000 jobs";
    let refused = case("refused-bucket", title, 3000, 1.0);
    let title = "40 places, 3,000 jobs";
    let refused_places = case("refused-places", title, 3000, 4.0);
    vec![
        beside_places,
        bucket(beside_bucket, 600.0, 10.0),
        bucket(overload, 600.0, 10.0),
        bucket(refused, 500.0, 10.0),
        places(refused_places),
    ]
}

/// A job as it went.
#[derive(Clone, Copy, Debug)]
struct Done {
    id: usize,
    batch: bool,
    arrived: f64,
    /// When its accepted attempt began.
    sent: f64,
    refused: bool,
}

/// A run.
#[derive(Clone, Debug)]
struct Ran {
    /// In the order in which they were sent.
    done: Vec<Done>,
    makespan: f64,
    refused: f64,
    lost: usize,
}

fn run(case: &Case, order: Order, seed: u64) -> Ran {
    fastrand::seed(seed);
    let _in_run = InRun::begin();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime
        .expect("a runtime")
        .block_on(send(case, order, seed))
}

async fn send(case: &Case, order: Order, seed: u64) -> Ran {
    let server = server::of(&case.api, seed);
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().seed(seed))
        .layer(AdaptiveConcurrencyLayer::new().seed(seed))
        .service(server.clone());
    let mut tasks = JoinSet::new();
    let jobs = case.api.jobs(seed);
    for job in jobs.iter().copied() {
        let class = order.class(job.id < case.batch);
        let client = PriorityLayer::new(class).layer(client.clone());
        let mut request = Request::new(Full::<Bytes>::from("{}"));
        request.extensions_mut().insert(job);
        let answer = async move {
            sleep(Duration::from_secs_f64(job.arrives)).await;
            let Ok(response) = client.oneshot(request).await;
            let attempts = Attempts::of(response.extensions()).get();
            let accepted = response.status().is_success();
            accepted.then_some(())?;
            response.into_body().collect().await.ok()?;
            Some((job, attempts > 1))
        };
        tasks.spawn(Shown::new(server.began(), answer));
    }
    let answers: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let log = server.log();
    let mut sent = vec![f64::NAN; jobs.len()];
    log.accepted.iter().for_each(|(at, _, id)| sent[*id] = *at);
    let mut done: Vec<_> = answers
        .iter()
        .map(|(job, refused)| Done {
            id: job.id,
            batch: job.id < case.batch,
            arrived: job.arrives,
            sent: sent[job.id],
            refused: *refused,
        })
        .collect();
    done.sort_by(|a, b| a.sent.total_cmp(&b.sent));
    Ran {
        makespan: server.now(),
        refused: 1000.0 * log.refused as f64 / jobs.len() as f64,
        lost: jobs.len() - done.len(),
        done,
    }
}

/// All seeds of a case in an order.
#[derive(Clone, Debug)]
pub struct Row {
    case: Case,
    order: Order,
    runs: Vec<Ran>,
}

impl Row {
    fn mean(&self, of: impl Fn(&Ran) -> f64) -> f64 {
        self.runs.iter().map(of).sum::<f64>() / self.runs.len() as f64
    }

    /// A quantile over all requests of all runs.
    fn quantile(&self, q: f64, of: impl Fn(&Ran) -> Vec<f64>) -> Option<f64> {
        let mut all: Vec<f64> = self.runs.iter().flat_map(of).collect();
        all.sort_by(f64::total_cmp);
        (!all.is_empty()).then(|| quantile(&all, q))
    }

    fn waits(&self, batch: bool, q: f64) -> Option<f64> {
        self.quantile(q, |run| {
            let of_class = run.done.iter().filter(|done| done.batch == batch);
            of_class.map(|done| done.sent - done.arrived).collect()
        })
    }

    /// How much later refused requests were accepted than their neighbours, by their number.
    fn late(&self, q: f64) -> Option<f64> {
        self.quantile(q, lateness)
    }

    /// What batch got of its share while both classes waited. In an overload of two classes only.
    fn share(&self) -> Option<f64> {
        let (_, seconds) = self.case.interactive;
        let of_share = |run: &Ran| {
            let both = run
                .done
                .iter()
                .filter(|done| (20.0..seconds).contains(&done.sent));
            let batch = both.clone().filter(|done| done.batch).count();
            batch as f64 / both.count().max(1) as f64 / SHARE
        };
        let has_share = self.case.overload && self.order != Order::OneClass;
        has_share.then(|| self.mean(of_share))
    }
}

/// How far a neighbour is away.
const NEAR: usize = 10;

fn lateness(run: &Ran) -> Vec<f64> {
    let mut by_id: Vec<Done> = run.done.clone();
    by_id.sort_by_key(|done| done.id);
    let late = |(at, done): (usize, &Done)| {
        let near = &by_id[at.saturating_sub(NEAR)..by_id.len().min(at + NEAR + 1)];
        let mut sent: Vec<f64> = near
            .iter()
            .filter(|done| !done.refused)
            .map(|done| done.sent)
            .collect();
        sent.sort_by(f64::total_cmp);
        (!sent.is_empty()).then(|| done.sent - quantile(&sent, 0.5))
    };
    let refused = by_id.iter().enumerate().filter(|(_, done)| done.refused);
    refused.filter_map(late).collect()
}

/// Every case in every order.
pub fn rows(seeds: &Range<u64>) -> Vec<Row> {
    let all: Vec<(Case, Order)> = cases()
        .into_iter()
        .flat_map(|case| Order::ALL.map(|order| (case.clone(), order)))
        .filter(|(case, order)| *order == Order::OneClass || case.interactive.0 > 0.0)
        .collect();
    let work: Vec<(usize, u64)> = (0..all.len())
        .flat_map(|row| seeds.clone().map(move |seed| (row, seed)))
        .collect();
    let runs = on_all_cores(&work, |(row, seed)| {
        let (case, order) = &all[*row];
        run(case, *order, *seed)
    });
    let mut runs = runs.into_iter();
    let of_each = |(case, order)| Row {
        case,
        order,
        runs: runs.by_ref().take(seeds.clone().count()).collect(),
    };
    all.into_iter().map(of_each).collect()
}

/// What is bounded of a row, beside that of one class.
fn figures(row: &Row, one_class: &Row) -> Vec<Figure> {
    let figure = |what, is, bound| Figure { what, is, bound };
    let mut figures = vec![figure("jobs lost", row.mean(|run| run.lost as f64), 0.0)];
    if let (Some(late), true) = (row.late(0.99), row.case.interactive.0 == 0.0) {
        figures.push(figure(
            "a refused request behind its neighbours, p99",
            late,
            2.0,
        ));
    }
    if row.order == Order::OneClass {
        return figures;
    }
    let makespan = row.mean(|run| run.makespan) / one_class.mean(|run| run.makespan);
    let refused = row.mean(|run| run.refused) - one_class.mean(|run| run.refused);
    figures.push(figure("makespan over that of one class", makespan, 1.01));
    figures.push(figure(
        "refused per 1,000 more than with one class",
        refused,
        3.0,
    ));
    if row.case.overload {
        if let (Some(share), Order::Weights) = (row.share(), row.order) {
            figures.push(figure("what batch lacks of its share", 1.0 - share, 0.1));
        }
    } else if let Some(wait) = row.waits(false, 0.99) {
        let bound = row.case.api.work.latency + 1.0;
        figures.push(figure("interactive wait, p99", wait, bound));
    }
    figures
}

/// The bounds that are missed, by case and order.
pub fn misses(rows: &[Row]) -> Vec<String> {
    let mut misses = Vec::new();
    for row in rows {
        let same = |other: &&Row| {
            other.order == Order::OneClass && other.case.api.name == row.case.api.name
        };
        let one_class = rows.iter().find(same).expect("every case has one class");
        for miss in figures(row, one_class)
            .iter()
            .filter(|figure| !figure.holds())
        {
            misses.push(format!(
                "{}, {}: {miss}",
                row.case.api.name,
                row.order.name()
            ));
        }
    }
    misses
}

/// The table.
pub fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "| case | order | interactive wait p50 / p99 | batch wait p50 | batch's part of its share \
         | refused one late p50 / p99 | makespan | refused per 1,000 |\n|---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    let seconds = |value: Option<f64>| value.map_or("".to_owned(), |value| format!("{value:.2}"));
    let pair = |one: Option<f64>, two| match one {
        Some(_) => format!("{} / {} s", seconds(one), seconds(two)),
        None => String::new(),
    };
    for row in rows {
        let share = row.share().map(|share| format!("{:.0} %", 100.0 * share));
        writeln!(
            table,
            "| {} | {} | {} | {} | {} | {} | {:.1} s | {:.1} |",
            row.case.api.title,
            row.order.name(),
            pair(row.waits(false, 0.5), row.waits(false, 0.99)),
            row.waits(true, 0.5)
                .map_or(String::new(), |wait| format!("{wait:.1} s")),
            share.unwrap_or_default(),
            pair(row.late(0.5), row.late(0.99)),
            row.mean(|run| run.makespan),
            row.mean(|run| run.refused),
        )
        .expect("a string takes it");
    }
    table
}
