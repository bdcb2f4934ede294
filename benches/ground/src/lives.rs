//! What a long-lived client meets: cases in which a limit was learned wrongly and stayed so, or in which
//! somebody waited for nothing. Each is an example of a kind.

use sim::api::{Random, Which};
use sim::hints::{Exactness, Style};
use sim::limits::{Over, Rule, Unit};
use sim::schedule::Schedule;
use sim::server::Answers;
use sim::work::{Arrivals, Calls};

use crate::composed::PATIENCE;
use crate::scenario::Scenario;

/// All of them, in the order of the table.
pub fn all() -> Vec<Scenario> {
    let groups = [
        idle(),
        kinds_of_calls(),
        fast(),
        random(),
        told(),
        real(),
        streams(),
    ];
    let mut all: Vec<Scenario> = groups.into_iter().flatten().collect();
    all.extend(moves_unseen());
    for scenario in &mut all {
        scenario.patience = PATIENCE;
    }
    all
}

fn in_batches(mut scenario: Scenario, sizes: &[usize], gap: f64) -> Scenario {
    let sizes = sizes.to_vec();
    scenario.work.arrivals = Arrivals::Batches { sizes, gap };
    scenario
}

fn window(scenario: Scenario, limit: f64, period: f64) -> Scenario {
    scenario.rule(Rule::window(Schedule::always(limit), period))
}

fn sliding(scenario: Scenario, limit: f64, period: f64, over: Over) -> Scenario {
    scenario.rule(Rule::Sliding {
        limit: Schedule::always(limit),
        period,
        over,
    })
}

fn with_random(mut scenario: Scenario, random: Random) -> Scenario {
    scenario.api.random = Some(random);
    scenario
}

/// What comes between two batches of some scenarios.
const ONE_BY_ONE: &str = "one each 20 s";

/// Batches of 100 with nothing between, or one now and then: idle time is not the server's slowness.
fn idle() -> Vec<Scenario> {
    let gaps = [
        ("d1-bucket-10s", "d1-window-10s", 10.0),
        ("d1-bucket-1min", "d1-window-1min", 60.0),
        ("d1-bucket-5min", "d1-window-5min", 300.0),
        ("d1-bucket-1h", "d1-window-1h", 3600.0),
    ];
    let bucket = |name, jobs, between: &str| {
        let title = format!("bucket 10/s, burst 20, batches of 100, {between} between");
        Scenario::new(name, title.leak(), jobs, 0.2).bucket(600.0, 20.0)
    };
    let of_window = |name, jobs, between: &str| {
        let title = format!("window 100 in 10 s, batches of 250, {between} between");
        window(Scenario::new(name, title.leak(), jobs, 0.2), 100.0, 10.0)
    };
    let mut all = Vec::new();
    for (of_bucket, of_windows, gap) in gaps {
        let between = format!("{gap} s");
        all.push(in_batches(bucket(of_bucket, 700, &between), &[100], gap));
        all.push(in_batches(
            of_window(of_windows, 1750, &between),
            &[250],
            gap,
        ));
    }
    // Seven batches with fifteen single jobs after each.
    let with_trickle = |size: usize| {
        let mut sizes = vec![1; 16];
        sizes[0] = size;
        sizes
    };
    all.push(in_batches(
        bucket("d1-bucket-trickle", 805, ONE_BY_ONE),
        &with_trickle(100),
        20.0,
    ));
    all.push(in_batches(
        of_window("d1-window-trickle", 1855, ONE_BY_ONE),
        &with_trickle(250),
        20.0,
    ));
    all
}

/// Quick calls beside slow ones: a slow one is not a server that slows down.
fn kinds_of_calls() -> Vec<Scenario> {
    let quick = 0.02;
    let title = "no limit, 5 batches of 3 calls of 20 ms, then 3 of 2,000 of 2 s";
    let mut first = Scenario::new("d2-then", title, 6015, 2.0);
    first.work.calls = Calls::First {
        jobs: 15,
        latency: quick,
    };
    let first = in_batches(first, &[3, 3, 3, 3, 3, 2000, 2000, 2000], 1.0);
    let title = "100 in flight, every second call 20 ms, the others 2 s";
    let mut beside =
        Scenario::new("d2-beside", title, 6000, 2.0).in_flight(Schedule::always(100.0));
    beside.work.calls = Calls::Every {
        nth: 2,
        latency: quick,
    };
    vec![first, beside]
}

/// More than a request each millisecond.
fn fast() -> Vec<Scenario> {
    let fast = |name, title, places, jobs, latency| {
        let mut scenario =
            Scenario::new(name, title, jobs, latency).in_flight(Schedule::always(places));
        scenario.work.sigma = 0.1;
        scenario
    };
    vec![
        fast("d3-200", "200 in flight, 10 ms", 200.0, 60_000, 0.01),
        fast("d3-1000", "1,000 in flight, 20 ms", 1000.0, 60_000, 0.02),
        fast("d3-6", "6 in flight, 3 ms", 6.0, 20_000, 0.003),
    ]
}

/// A refusal that load has nothing to do with costs itself.
fn random() -> Vec<Scenario> {
    let title = "30 in flight, out from 20 s to 140 s, 2 % 529";
    let mut outage = Scenario::new("n1", title, 6000, 2.0).in_flight(Schedule::always(30.0));
    outage.api.outage = Some((20.0, 140.0));
    let mut knee = Scenario::new("n3", "knee at 15, never refuses, 1 % 503", 20_000, 0.1);
    knee.api.knee = Some(15.0);
    let mut alternating = Random::of(0.0, 429);
    (alternating.which, alternating.retry_after) = (Which::Every(2), Some(1.0));
    let title = "no limit, every second request 429 with Retry-After 1";
    let places = || Schedule::always(50.0);
    vec![
        with_random(outage, Random::of(0.02, 529)),
        with_random(knee, Random::of(0.01, 503)),
        with_random(
            Scenario::new("n4", "50 in flight, 1 % 429", 10_000, 0.3).in_flight(places()),
            Random::of(0.01, 429),
        ),
        with_random(Scenario::new("b19", title, 300, 0.05), alternating),
    ]
}

/// What the API tells of its quota lifts or replaces what was learned.
fn told() -> Vec<Scenario> {
    let title = "bucket 3000/min, burst 3000, answers after 8 s, OpenAI headers";
    let roomy = Scenario::new("n2", title, 12_000, 8.0).bucket(3000.0, 3000.0);
    let title = "bucket 1 per 100 s, OpenAI headers";
    let slow = Scenario::new("d7", title, 6, 0.5).bucket(0.6, 1.0);
    let title = "window 3 per minute for 6 jobs, then 5000, OpenAI headers";
    let raised = Scenario::new("d9", title, 506, 0.5).rule(Rule::window(
        Schedule::steps(&[(0.0, 3.0), (65.0, 5000.0)]),
        60.0,
    ));
    let raised = in_batches(raised, &[6, 500], 10.0);
    [roomy, slow, raised]
        .map(|scenario| scenario.hints(Style::OpenAi))
        .to_vec()
}

/// Limiters as they are in use.
fn real() -> Vec<Scenario> {
    let title = "Varnish: 20 per s, Retry-After always 5 s";
    let mut varnish =
        window(Scenario::new("f1", title, 2000, 0.1), 20.0, 1.0).hints(Style::RetryAfter);
    varnish.api.exactness = Exactness::Always(5.0);
    let title = "Traefik: bucket 20/s, burst 10, Retry-After and X-Retry-In";
    let traefik = Scenario::new("f2", title, 2000, 0.1)
        .bucket(1200.0, 10.0)
        .hints(Style::Traefik);
    let nest = Scenario::new("f3", "NestJS: 30 per 5 s, blocks for 5 s", 1000, 0.1);
    let nest = sliding(nest, 30.0, 5.0, Over::Blocked).hints(Style::RetryAfter);
    let drf = Scenario::new("f4", "DRF: log of 20 per s, Retry-After", 2000, 0.1);
    let drf = sliding(drf, 20.0, 1.0, Over::Forgotten).hints(Style::RetryAfter);
    let fast_api = Scenario::new("f5", "fastapi-limiter: log of 50 per 10 s", 1000, 0.1);
    let fast_api = sliding(fast_api, 50.0, 10.0, Over::Forgotten);
    let envoy = Scenario::new("f6", "Envoy: 503 above 10 in flight", 300, 0.1);
    let envoy = envoy.rule(Rule::InFlight {
        limit: Schedule::always(10.0),
        status: 503,
    });
    vec![varnish, traefik, nest, drf, fast_api, envoy]
}

/// One holds its place for long, or is refused for ever, and the others do not wait for it.
fn streams() -> Vec<Scenario> {
    let title = "no limit, a stream of 60 s every 2 s, its head after 0.3 s";
    let mut streams = Scenario::new("s4", title, 120, 60.0);
    (streams.answers, streams.head) = (Answers::Streamed, 0.3 / 60.0);
    streams.work.arrivals = Arrivals::Steady { every: 2.0 };
    streams.work.sigma = 0.1;
    let title = "no limit, 10 streams of an hour, then 5 calls, one refused once";
    let mut held = Scenario::new("b10", title, 15, 0.1);
    (held.answers, held.work.arrivals) = (Answers::Streamed, Arrivals::Steady { every: 1.0 });
    held.work.calls = Calls::First {
        jobs: 10,
        latency: 3600.0,
    };
    let mut once = Random::of(0.0, 429);
    (once.which, once.retry_after) = (Which::Only(12), Some(1.0));
    let title = "no limit, one call refused for ever, the others one each 0.1 s";
    let mut route = Scenario::new("b15", title, 2300, 0.05);
    (route.work.hopeless, route.work.arrivals) = (1, Arrivals::Steady { every: 0.1 });
    vec![streams, with_random(held, once), route]
}

/// A limit that moves while nobody sends.
fn moves_unseen() -> Vec<Scenario> {
    let moves = |name, title, from: f64, to: f64| {
        let scenario = Scenario::new(name, title, 3000, 2.0)
            .in_flight(Schedule::steps(&[(0.0, from), (400.0, to)]));
        in_batches(scenario, &[600], 300.0)
    };
    let bucket = |name, title, from: f64, to: f64| {
        let scenario = Scenario::new(name, title, 3000, 0.5).rule(Rule::Bucket {
            per_minute: Schedule::steps(&[(0.0, from), (400.0, to)]),
            burst: 10.0,
            unit: Unit::Requests,
        });
        in_batches(scenario, &[600], 300.0)
    };
    vec![
        moves(
            "moves-up",
            "10, then 40 in flight, batches of 600",
            10.0,
            40.0,
        ),
        moves(
            "moves-down",
            "40, then 10 in flight, batches of 600",
            40.0,
            10.0,
        ),
        bucket(
            "bucket-up",
            "bucket 300, then 1200/min, batches of 600",
            300.0,
            1200.0,
        ),
        bucket(
            "bucket-down",
            "bucket 1200, then 300/min, batches of 600",
            1200.0,
            300.0,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use sim::best::{Finished, last};

    use super::*;

    #[test]
    fn every_case_can_be_done() {
        for scenario in all() {
            let jobs = scenario.jobs(1);
            let best = last(&scenario.best(&jobs));
            assert!(best.is_finite() && best > 0.0, "{}", scenario.name);
        }
    }

    #[test]
    fn limits_that_move_unseen_do_so_between_batches() {
        for scenario in moves_unseen() {
            let finished = scenario.best(&scenario.jobs(1));
            let busy = |job: &Finished| job.sent <= 400.0 && 400.0 <= job.at;
            assert!(!finished.iter().any(busy), "{}", scenario.name);
        }
    }
}
