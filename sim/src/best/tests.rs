use super::*;
use crate::limits::Over;
use crate::work::{self, Arrivals};

/// Jobs that all take the same time.
fn even(n: usize, latency: f64) -> (Work, Vec<Job>) {
    let work = Work {
        sigma: 0.0,
        ..Work::new(n, latency)
    };
    let jobs = work::jobs(&work, 1);
    (work, jobs)
}

fn places(limit: f64) -> Api {
    Api::with(Rule::in_flight(Schedule::always(limit)))
}

fn window(phase: f64) -> Api {
    Api::with(Rule::Window {
        limit: Schedule::always(300.0),
        period: 60.0,
        phase: Some(phase),
    })
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 0.001 * b, "{a} is not {b}");
}

#[test]
fn in_flight_is_work_over_places() {
    let (work, jobs) = even(500, 10.0);
    close(best(&places(5.0), &work, &jobs), 1000.0);
}

#[test]
fn a_moving_limit_is_integrated() {
    let (work, jobs) = even(3000, 4.0);
    let limit = Schedule::steps(&[(0.0, 40.0), (120.0, 10.0), (300.0, 60.0)]);
    let api = Api::with(Rule::in_flight(limit));
    close(fluid(&api, &jobs), 390.0);
    let best = best(&api, &work, &jobs);
    assert!((386.0..396.0).contains(&best), "{best}");
}

#[test]
fn a_bucket_is_paced_after_its_burst() {
    let (work, jobs) = even(3000, 5.0);
    let api = Api::with(Rule::bucket(500.0, 10.0));
    close(best(&api, &work, &jobs), 2990.0 * 60.0 / 500.0 + 5.0);
    close(fluid(&api, &jobs), best(&api, &work, &jobs));
}

#[test]
fn windows_are_used_at_their_beginning() {
    let (work, jobs) = even(2000, 2.0);
    close(best(&window(0.0), &work, &jobs), 6.0 * 60.0 + 2.0);
    close(fluid(&window(0.0), &jobs), 362.0);
}

#[test]
fn a_window_met_late_is_over_sooner() {
    let (work, jobs) = even(2000, 2.0);
    // What is left of the first window, whole windows, and the last one's latency.
    let takes = 19.0 + 5.0 * 60.0 + 2.0;
    close(best(&window(41.0), &work, &jobs), takes);
    close(fluid(&window(41.0), &jobs), 321.0);
}

#[test]
fn a_sliding_log_gives_back_after_its_period() {
    let (work, jobs) = even(20, 1.0);
    let api = Api::with(Rule::Sliding {
        limit: Schedule::always(5.0),
        period: 30.0,
        over: Over::Counted,
    });
    close(best(&api, &work, &jobs), 3.0 * 30.0 + 1.0);
}

#[test]
fn the_tightest_of_several_limits_decides() {
    let (work, jobs) = even(600, 2.0);
    let mut api = places(100.0);
    api.rules.push(Rule::bucket(60.0, 1.0));
    close(best(&api, &work, &jobs), 599.0 + 2.0);
}

#[test]
fn an_outage_adds_its_length() {
    let (work, jobs) = even(2000, 2.0);
    let api = Api {
        outage: Some((30.0, 90.0)),
        ..places(25.0)
    };
    close(best(&api, &work, &jobs), 160.0 + 60.0);
}

#[test]
fn a_knee_is_not_exceeded() {
    let (work, jobs) = even(3000, 1.0);
    let api = Api {
        knee: Some(30.0),
        ..Api::default()
    };
    close(best(&api, &work, &jobs), 100.0);
}

#[test]
fn a_batch_finds_what_came_back_in_the_gap() {
    let (mut work, _) = even(200, 1.0);
    work.arrivals = Arrivals::Batches {
        sizes: vec![100],
        gap: 600.0,
    };
    let jobs = work::jobs(&work, 1);
    let finished = run(&Api::with(Rule::bucket(60.0, 20.0)), &work, &jobs);
    // 20 at once and 80 a second apart, twice.
    let makespan = 2.0 * 81.0 + 600.0;
    close(last(&finished), makespan);
    close(time(&work.arrivals, &finished, makespan), 2.0 * 81.0);
}

#[test]
fn work_ends_on_the_clocks_milliseconds() {
    let (work, jobs) = even(10, 0.0012);
    close(best(&places(1.0), &work, &jobs), 0.02);
}
