//! A run that begins with what another has found. `ground --resume` has the figures of whole stacks.

use std::time::Duration;

use proptest::prelude::*;
use tower_throttle::concurrency::Learnt;
use tower_throttle::concurrency::learnt::{Ceiling, Rate, Window};
use tower_throttle::concurrency::limit::{Limit, Now};
use tower_throttle::hint::{Dimension, Quota, ResetKind};

use super::SEEDS;
use super::run::Run;
use super::server::{Hints, Server};

/// A server whose answers take this long.
fn slow(mut server: Server, latency: f64) -> Server {
    server.latency = latency;
    server
}

/// What a run has found by its end.
fn learnt(run: &Run) -> Learnt {
    let end = Duration::from_secs_f64(run.now());
    run.limit.learnt(&Now::at(end))
}

/// A run that begins with a record.
fn resumed(server: Server, jobs: usize, learnt: &Learnt, seed: u64) -> Run {
    let mut run = Run::new(server, jobs, seed);
    run.limit.resume(&Now::at(Duration::ZERO), learnt);
    run.finish()
}

/// Refusals of first runs, of second ones that begin with nothing, and of those that begin with a record, over all
/// seeds. The server is another in the second run.
fn refused(before: &Server, after: &Server, jobs: usize) -> (f64, f64, f64) {
    let (mut first, mut cold, mut warm) = (0.0, 0.0, 0.0);
    for seed in SEEDS {
        let run = Run::new(before.clone(), jobs, seed).finish();
        let record = learnt(&run);
        first += run.refused.len() as f64;
        let next = seed + 100;
        let run = Run::new(after.clone(), jobs, next).finish();
        cold += run.refused.len() as f64;
        let run = resumed(after.clone(), jobs, &record, next);
        warm += run.refused.len() as f64;
    }
    (first, cold, warm)
}

fn bucket(per_minute: f64, depth: f64, latency: f64) -> Server {
    slow(Server::bucket(per_minute / 60.0, depth), latency)
}

#[test]
fn a_second_run_pays_at_most_a_third_of_the_first() {
    let five = slow(super::in_flight(5), 10.0);
    for (server, jobs) in [
        (five, 500),
        (bucket(500.0, 10.0, 5.0), 3000),
        (bucket(5.0, 5.0, 3.0), 100),
    ] {
        let (first, _, warm) = refused(&server, &server, jobs);
        assert!(warm <= first / 3.0, "{warm} after {first}: {server:?}");
    }
}

#[test]
fn a_limit_that_was_halved_or_doubled_costs_no_more_than_two_refusals_beside_those_from_nothing() {
    let runs = SEEDS.count() as f64;
    let free = |factor: f64| slow(Server::in_flight(&[(0.0, factor * 200.0)]), 4.0);
    let five = |factor: f64| slow(Server::in_flight(&[(0.0, factor * 5.0)]), 10.0);
    let fast = |factor: f64| bucket(factor * 500.0, 10.0, 5.0);
    let rare = |factor: f64| bucket(factor * 5.0, 5.0, 3.0);
    for factor in [0.5, 2.0] {
        for (before, after, jobs) in [
            (free(1.0), free(factor), 4000),
            (five(1.0), five(factor), 500),
            (fast(1.0), fast(factor), 3000),
            (rare(1.0), rare(factor), 100),
        ] {
            let (_, cold, warm) = refused(&before, &after, jobs);
            let more = (warm - cold) / runs;
            assert!(more <= 2.0, "{more} more, {factor} of {before:?}");
        }
    }
}

#[test]
fn what_was_refused_of_a_recorded_pace_does_not_count_against_the_one_that_replaces_it() {
    let told = |per_minute: f64| bucket(per_minute, 10.0, 5.0).hints(Hints::RetryAfter);
    for factor in [0.5, 0.6] {
        let (_, cold, warm) = refused(&told(500.0), &told(factor * 500.0), 2000);
        assert!(warm <= cold, "{warm}, {cold} from nothing: {factor}");
    }
}

#[test]
fn run_after_run_nothing_gets_worse() {
    for server in [
        slow(super::in_flight(20), 1.0),
        bucket(300.0, 10.0, 1.0),
        bucket(300.0, 10.0, 1.0).hints(Hints::OpenAi),
        slow(Server::window(100.0, 10.0), 0.5),
    ] {
        let first = Run::new(server.clone(), 1000, 1).finish();
        let (time, paid) = (first.now(), first.refused.len());
        let mut record = learnt(&first);
        for seed in 2..8 {
            let run = resumed(server.clone(), 1000, &record, seed);
            assert!(run.now() <= 1.1 * time, "{} s after {time}", run.now());
            let refused = run.refused.len();
            assert!(refused <= paid + 2, "{refused} after {paid}: {server:?}");
            record = learnt(&run);
        }
    }
}

#[test]
fn what_was_forgotten_is_found_again() {
    for seed in SEEDS {
        let mut run = Run::new(bucket(600.0, 10.0, 1.0), 3000, seed).until_time(60.0);
        assert!(run.limit.rate().is_some());
        run.limit.forget(&Now::at(Duration::from_secs(60)), 4);
        assert_eq!((run.limit.limit(), run.limit.rate()), (4, None));
        let run = run.until_time(180.0);
        let rate = run.limit.rate().unwrap();
        assert!((rate / 10.0 - 1.0).abs() <= 0.1, "seed {seed}: {rate}");
        let run = run.finish();
        assert!(run.now() <= 1.1 * 300.0, "seed {seed}: {}", run.now());
    }
}

#[test]
fn windows_of_another_phase_keep_the_length_that_was_found() {
    let found = Window::new(Duration::from_secs(10), 100, Duration::from_millis(1500));
    let record = Learnt::new(100).with_window(found.unwrap());
    for seed in SEEDS {
        let run = resumed(slow(Server::window(100.0, 10.0), 0.5), 1000, &record, seed);
        let length = learnt(&run).window().map(|window| window.length());
        assert_eq!(length, Some(Duration::from_secs(10)), "seed {seed}");
    }
}

#[test]
fn windows_of_another_length_cost_one_of_theirs_or_two_of_those_that_were_found() {
    let found = Window::new(Duration::from_secs(10), 100, Duration::from_millis(1500));
    let record = Learnt::new(100).with_window(found.unwrap());
    for period in [5.0, 20.0, 60.0] {
        let mut more = 0.0;
        for seed in SEEDS {
            let server = slow(Server::window(100.0, period), 0.5);
            let cold = Run::new(server.clone(), 1000, seed).finish();
            let warm = resumed(server, 1000, &record, seed);
            let most = 1.1 * cold.now() + f64::max(period, 20.0);
            let took = warm.now();
            assert!(took <= most, "{took} s, {} from nothing", cold.now());
            more += warm.refused.len() as f64 - cold.refused.len() as f64;
        }
        let more = more / SEEDS.count() as f64;
        assert!(more <= 3.0, "{more} more refused of {period} s");
    }
}

#[test]
fn a_slow_pace_that_is_wrong_is_left_in_minutes_whatever_the_bucket_is_said_to_hold() {
    for depth in [1.0, 2700.0] {
        let rate = Rate::new(Dimension::Requests, 1.0 / 119.0).unwrap();
        let record = Learnt::new(1).with_rate(rate.with_depth(depth));
        for limit in [1, 5, 50] {
            let run = resumed(slow(super::in_flight(limit), 0.01), 200, &record, 0);
            assert!(run.now() <= 1200.0, "{limit} at a time: {} s", run.now());
        }
    }
}

fn any_server() -> impl Strategy<Value = Server> {
    let hints = prop::sample::select(vec![
        Hints::None,
        Hints::RetryAfter,
        Hints::OpenAi,
        Hints::Ietf,
    ]);
    let server = prop_oneof![
        (1_u32..300).prop_map(|limit| super::in_flight(limit as usize)),
        (0.2_f64..50.0, 1.0_f64..60.0)
            .prop_map(|(rate, depth)| Server::bucket(rate, depth.floor())),
        (2_u32..200, 1_u32..60)
            .prop_map(|(limit, period)| Server::window(f64::from(limit), f64::from(period))),
    ];
    (server, hints, 0.01_f64..5.0)
        .prop_map(|(server, hints, latency)| slow(server.hints(hints), latency))
}

/// Any number, from far too small to far too great.
fn any_number() -> impl Strategy<Value = f64> {
    (-9.0_f64..15.0).prop_map(|power| 10_f64.powf(power))
}

fn any_seconds() -> impl Strategy<Value = Duration> {
    any_number().prop_map(Duration::from_secs_f64)
}

fn any_quota() -> impl Strategy<Value = Quota> {
    let kind = prop::sample::select(vec![ResetKind::Unknown, ResetKind::Full, ResetKind::Window]);
    (0_u64..1000, 0_u64..1000, any_seconds(), any_seconds(), kind).prop_map(
        |(limit, remaining, reset, window, kind)| {
            let mut quota = Quota::default();
            (quota.limit, quota.remaining) = (Some(limit), Some(remaining.min(limit)));
            (quota.reset, quota.window, quota.kind) = (Some(reset), Some(window), kind);
            quota
        },
    )
}

/// Whatever a record may say.
fn any_record() -> impl Strategy<Value = Learnt> {
    let ceiling = prop::sample::select(vec![Ceiling::Unknown, Ceiling::Found, Ceiling::Confirmed]);
    let rate = prop::option::of((any_number(), any_number(), any_number()));
    let window = prop::option::of((any_seconds(), 0_u64..2000, any_seconds()));
    let others = (
        prop::option::of(any_seconds()),
        prop::option::of(any_quota()),
    );
    (any_number(), ceiling, rate, window, others).prop_map(
        |(limit, ceiling, rate, window, (round_trip, quota))| {
            let mut learnt = Learnt::new(limit as usize).with_ceiling(ceiling);
            let rate = rate.and_then(|(per_second, measured, depth)| {
                let rate = Rate::new(Dimension::Requests, per_second)?;
                Some(rate.with_measured(measured).with_depth(depth))
            });
            if let Some(rate) = rate {
                learnt = learnt.with_rate(rate);
            }
            if let Some(window) =
                window.and_then(|(length, quota, began)| Window::new(length, quota, began))
            {
                learnt = learnt.with_window(window);
            }
            if let Some(round_trip) = round_trip {
                learnt = learnt.with_round_trip(round_trip);
            }
            quota.into_iter().fold(learnt, Learnt::with_quota)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_record_hangs_a_batch(server in any_server(), record in any_record(), seed in 0_u64..1000) {
        let cold = Run::new(server.clone(), 200, seed).finish().now();
        // A record that is wrong in everything is soon refuted.
        let warm = resumed(server, 200, &record, seed).now();
        prop_assert!(warm <= 2.0 * cold + 1500.0, "{warm} s, and {cold} s from nothing");
    }

    #[test]
    fn what_one_server_has_taught_hangs_no_batch_at_another(
        one in any_server(),
        other in any_server(),
        seed in 0_u64..1000,
    ) {
        let record = learnt(&Run::new(one, 200, seed).finish());
        let cold = Run::new(other.clone(), 200, seed).finish().now();
        let warm = resumed(other, 200, &record, seed).now();
        prop_assert!(warm <= 1.5 * cold + 300.0, "{warm} s, and {cold} s from nothing");
    }
}
