//! A share of a limit that grows or shrinks, as one of several clients is told.

use std::time::Duration;

use sim::limits::{Rule, Unit};
use sim::schedule::Schedule;
use tower_throttle::concurrency::limit::{Aimd, Fixed, Learned, Limit, Now};

use super::run::Run;
use super::server::Server;
use super::{MANY, SEEDS, moving};

/// One that has found its share of a limit at `at`, and is then told that it is another.
fn shifted(server: &Server, at: f64, places: isize, rate: f64, seed: u64) -> Run {
    let mut run = Run::new(server.clone(), MANY, seed).until_time(at);
    let now = Now::at(Duration::from_secs_f64(run.now()));
    run.limit.shift(&now, places, rate);
    run
}

/// How many were accepted and refused in the next seconds.
fn next(run: Run, seconds: f64) -> (f64, f64) {
    let before = (run.accepted.len(), run.refused.len());
    let end = run.now() + seconds;
    let run = run.until_time(end);
    let more = |now: usize, before: usize| (now - before) as f64;
    (
        more(run.accepted.len(), before.0),
        more(run.refused.len(), before.1),
    )
}

#[test]
fn a_share_of_places_moves_at_once_and_stays_confirmed() {
    for seed in SEEDS {
        for (before, after) in [(10, 25), (25, 10)] {
            let server = moving(before, after, 30.0);
            let by = after as isize - before as isize;
            let run = shifted(&server, 30.0, by, 0.0, seed);
            let limit = run.limit.limit();
            assert!((after..=after + 1).contains(&limit), "seed {seed}: {limit}");
            // What was in flight goes on, and a probe comes as rarely as before.
            let (accepted, refused) = next(run, 20.0);
            assert!(refused <= 0.025 * accepted, "seed {seed}: {refused}");
        }
    }
}

/// A bucket of 10 requests whose refill changes from `before` to `after` requests per second.
fn moving_bucket(before: f64, after: f64) -> Server {
    let per_minute = Schedule::steps(&[(0.0, 60.0 * before), (60.0, 60.0 * after)]);
    Server::new(Rule::Bucket {
        per_minute,
        burst: 10.0,
        unit: Unit::Requests,
    })
}

#[test]
fn a_share_of_a_rate_moves_the_pace_and_what_was_measured() {
    for seed in SEEDS {
        for (before, after) in [(10.0, 25.0), (25.0, 10.0)] {
            let server = moving_bucket(before, after);
            let rate = |by| shifted(&server, 60.0, 0, by, seed).limit.rate().unwrap();
            let moved = rate(after - before) - rate(0.0);
            assert!((moved - (after - before)).abs() < 1e-9, "seed {seed}");
            let run = shifted(&server, 60.0, 0, after - before, seed);
            let (accepted, refused) = next(run, 60.0);
            assert!(accepted >= 0.95 * 60.0 * after, "seed {seed}: {accepted}");
            assert!(refused <= 0.02 * accepted, "seed {seed}: {refused}");
        }
    }
}

#[test]
fn a_share_stays_within_the_bounds_and_above_nothing() {
    let now = Now::at(Duration::from_secs(1));
    let mut limit = Learned::new();
    limit.set_bounds(2, 10);
    limit.shift(&now, isize::MAX, f64::INFINITY);
    assert_eq!(limit.limit(), 10);
    limit.shift(&now, isize::MIN, f64::NEG_INFINITY);
    assert_eq!(limit.limit(), 2);
    limit.shift(&now, 1, f64::NAN);
    assert_eq!((limit.limit(), limit.rate()), (3, None));
}

#[test]
fn a_rate_of_which_all_is_taken_away_is_still_a_rate() {
    for seed in SEEDS {
        let server = Server::bucket(10.0, 10.0);
        let mut run = shifted(&server, 60.0, 0, -1e9, seed);
        // One in the longest time for which anybody is held back.
        assert_eq!(run.limit.rate(), Some(1.0 / 120.0));
        let now = Now::at(Duration::from_secs_f64(run.now()));
        run.limit.shift(&now, 0, 10.0);
        assert!((run.limit.rate().unwrap() / 10.0 - 1.0).abs() <= 0.1);
    }
}

#[test]
fn the_other_limits_move_by_places() {
    let now = Now::at(Duration::ZERO);
    let mut limits: [Box<dyn Limit>; 2] = [Box::new(Fixed::new(4)), Box::new(Aimd::new())];
    for limit in &mut limits {
        limit.shift(&now, 3, 5.0);
        assert_eq!(limit.limit(), 7, "{limit:?}");
        limit.shift(&now, -100, 0.0);
        assert_eq!(limit.limit(), 1, "{limit:?}");
    }
}
