//! Servers that count requests in windows and do not say so, and those that refuse with a 503.

use sim::limits::Rule;
use sim::schedule::Schedule;
use tower_throttle::concurrency::limit::Limit;

use super::run::Run;
use super::server::Server;
use super::{MANY, SEEDS};

fn window(limit: f64, period: f64) -> Server {
    Server::window(limit, period)
}

/// A number in each ten seconds, and another from two minutes on.
fn moving(before: f64, after: f64) -> Server {
    let limit = Schedule::steps(&[(0.0, before), (120.0, after)]);
    Server::new(Rule::window(limit, 10.0))
}

/// How many refusals came in each of the windows.
fn by_window(run: &Run, period: f64) -> Vec<usize> {
    let windows = (run.now() / period).ceil() as usize;
    let mut counts = vec![0; windows];
    for at in &run.refused {
        counts[(at / period) as usize] += 1;
    }
    counts
}

#[test]
fn a_window_that_says_nothing_is_remembered() {
    for (limit, period) in [(100.0, 10.0), (60.0, 60.0), (30.0, 5.0)] {
        for seed in SEEDS {
            let jobs = (20.0 * limit) as usize;
            let run = Run::new(window(limit, period), jobs, seed).finish();
            let ratio = run.now() / (19.0 * period);
            assert!(ratio <= 1.05, "{limit} in {period} s, seed {seed}: {ratio}");
            // Three closures tell its length and size; then one in a while is spent on a test.
            let counts = by_window(&run, period);
            let later: usize = counts[4..].iter().sum();
            assert!(
                later <= 12,
                "{limit} in {period} s, seed {seed}: {counts:?}"
            );
        }
    }
}

#[test]
fn a_window_of_a_second_is_remembered() {
    for (limit, latency) in [(60.0, 0.1), (160.0, 0.3), (30.0, 0.8)] {
        let mut mean = 0.0;
        for seed in SEEDS {
            let server = Server {
                latency,
                ..window(limit, 1.0)
            };
            let jobs = 50 * limit as usize;
            let run = Run::new(server, jobs, seed).finish();
            let ratio = run.now() / (49.0 + latency);
            // The length is not found at once on each: a probe may come as the next window begins.
            assert!(
                ratio <= 1.25,
                "{limit}, seed {seed}: {ratio} {:?}",
                closings(&run)
            );
            mean += ratio / SEEDS.count() as f64;
            let refused = run.refused_per_1000();
            assert!(refused <= 60.0, "{limit}, seed {seed}: {refused}");
        }
        assert!(mean <= 1.10, "{limit}: {mean}");
    }
}

/// Of the refusals that come within a second, those of one closing.
fn closings(run: &Run) -> Vec<(f64, usize)> {
    let mut closings: Vec<(f64, usize)> = Vec::new();
    for at in &run.refused {
        match closings.last_mut() {
            Some((first, count)) if at - *first < 0.2 => *count += 1,
            _ => closings.push((*at, 1)),
        }
    }
    closings
}

#[test]
fn where_it_shut_one_goes_first_the_next_time() {
    for seed in SEEDS {
        let run = Run::new(window(100.0, 60.0), 300, seed).finish();
        let closings = closings(&run);
        // Requests that go before the first refusal is heard of.
        assert!(closings[0].1 <= 35, "seed {seed}: {closings:?}");
        let second = closings.iter().find(|(at, _)| *at > 60.0).unwrap();
        assert!(second.1 <= 2, "seed {seed}: {closings:?}");
    }
}

#[test]
fn a_window_that_grows_is_used() {
    for seed in SEEDS {
        let run = Run::new(moving(100.0, 200.0), MANY, seed).until_time(300.0);
        let used = run.accepted.iter().filter(|at| **at >= 240.0).count();
        assert!(used >= 1080, "seed {seed}: {used} of 1,200 in a minute");
    }
}

#[test]
fn a_window_that_shrinks_is_kept() {
    for seed in SEEDS {
        let run = Run::new(moving(200.0, 100.0), MANY, seed).until_time(300.0);
        let used = run.accepted.iter().filter(|at| **at >= 200.0).count();
        assert!(used >= 950, "seed {seed}: {used} of 1,000");
        let refused = run.refused.iter().filter(|at| **at >= 200.0).count();
        assert!(refused <= 30, "seed {seed}: {refused} refused of 1,000");
    }
}

#[test]
fn the_rate_of_a_bucket_without_depth_is_found_from_below() {
    for seed in SEEDS {
        let server = Server::bucket(20.0, 1.0);
        let run = Run::new(server, MANY, seed).until_time(150.0);
        let late = run.accepted.iter().filter(|at| **at >= 50.0).count();
        // Of 2,000.
        assert!(late >= 1850, "seed {seed}: {late}");
        assert!(run.refused_per_1000() <= 25.0, "seed {seed}");
    }
}

#[test]
fn the_rate_of_a_bucket_that_holds_one_is_found_in_seconds() {
    for seed in SEEDS {
        let mut server = Server::bucket(20.0, 1.0);
        server.latency = 0.5;
        let run = Run::new(server, MANY, seed).until_time(20.0);
        let late = run.accepted.iter().filter(|at| **at >= 10.0).count();
        // Of 200.
        assert!(late >= 170, "seed {seed}: {late}");
        assert!(
            run.refused.len() <= 25,
            "seed {seed}: {}",
            run.refused.len()
        );
    }
}

#[test]
fn a_server_that_refuses_many_with_a_503_means_a_limit() {
    for seed in SEEDS {
        let mut server = Server::bucket(25.0, 10.0);
        server.api.status = 503;
        let run = Run::new(server, 3000, seed).finish();
        let ratio = run.now() * 25.0 / 2990.0;
        assert!(run.limit.rate().is_some(), "seed {seed}");
        assert!(ratio <= 1.05, "seed {seed}: {ratio}");
        assert!(
            run.refused_per_1000() <= 30.0,
            "seed {seed}: {}",
            run.refused_per_1000()
        );
    }
}
