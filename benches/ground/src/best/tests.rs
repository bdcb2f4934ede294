use super::*;
use crate::limits::Over;
use crate::scenario::Arrivals;
use crate::scenarios;
use crate::work;

/// Jobs that all take the same time.
fn even(n: usize, latency: f64) -> (Scenario, Vec<Job>) {
    let mut scenario = Scenario::new("even", "even", n, latency);
    scenario.sigma = 0.0;
    let jobs = work::jobs(&scenario, 1);
    (scenario, jobs)
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 0.001 * b, "{a} is not {b}");
}

#[test]
fn in_flight_is_work_over_places() {
    let (scenario, jobs) = even(500, 10.0);
    close(
        best(&scenario.in_flight(Schedule::always(5.0)), &jobs),
        1000.0,
    );
}

#[test]
fn a_moving_limit_is_integrated() {
    let (scenario, jobs) = even(3000, 4.0);
    let limit = Schedule::steps(&[(0.0, 40.0), (120.0, 10.0), (300.0, 60.0)]);
    let scenario = scenario.in_flight(limit);
    close(fluid(&scenario, &jobs), 390.0);
    let best = best(&scenario, &jobs);
    assert!((386.0..396.0).contains(&best), "{best}");
}

#[test]
fn a_bucket_is_paced_after_its_burst() {
    let (scenario, jobs) = even(3000, 5.0);
    let scenario = scenario.bucket(500.0, 10.0);
    close(best(&scenario, &jobs), 2990.0 * 60.0 / 500.0 + 5.0);
    close(fluid(&scenario, &jobs), best(&scenario, &jobs));
}

#[test]
fn windows_are_used_at_their_beginning() {
    let (scenario, jobs) = even(2000, 2.0);
    let scenario = scenario.rule(Rule::Window {
        limit: Schedule::always(300.0),
        period: 60.0,
        phase: 0.0,
    });
    close(best(&scenario, &jobs), 6.0 * 60.0 + 2.0);
    close(fluid(&scenario, &jobs), 362.0);
}

#[test]
fn a_window_met_late_is_over_sooner() {
    let (scenario, jobs) = even(2000, 2.0);
    let scenario = scenario.rule(Rule::Window {
        limit: Schedule::always(300.0),
        period: 60.0,
        phase: 41.0,
    });
    // What is left of the first window, whole windows, and the last one's latency.
    close(best(&scenario, &jobs), 19.0 + 5.0 * 60.0 + 2.0);
    close(fluid(&scenario, &jobs), 321.0);
}

#[test]
fn a_sliding_log_gives_back_after_its_period() {
    let (scenario, jobs) = even(20, 1.0);
    let rule = Rule::Sliding {
        limit: Schedule::always(5.0),
        period: 30.0,
        over: Over::Counted,
    };
    close(best(&scenario.rule(rule), &jobs), 3.0 * 30.0 + 1.0);
}

#[test]
fn the_tightest_of_several_limits_decides() {
    let (scenario, jobs) = even(600, 2.0);
    let scenario = scenario
        .in_flight(Schedule::always(100.0))
        .bucket(60.0, 1.0);
    close(best(&scenario, &jobs), 599.0 + 2.0);
}

#[test]
fn an_outage_adds_its_length() {
    let (mut scenario, jobs) = even(2000, 2.0);
    scenario.outage = Some((30.0, 90.0));
    let scenario = scenario.in_flight(Schedule::always(25.0));
    close(best(&scenario, &jobs), 160.0 + 60.0);
}

#[test]
fn a_knee_is_not_exceeded() {
    let (mut scenario, jobs) = even(3000, 1.0);
    scenario.knee = Some(30.0);
    close(best(&scenario, &jobs), 100.0);
}

#[test]
fn no_scenario_can_be_done_faster_than_a_fluid_or_much_slower() {
    for scenario in scenarios::all() {
        let jobs = work::jobs(&scenario, 1);
        let (best, fluid) = (best(&scenario, &jobs), fluid(&scenario, &jobs));
        let tail = jobs.iter().map(|job| job.latency).fold(0.0, f64::max);
        // The closed form adds a mean latency where the last job may happen to be a short one.
        // While jobs still arrive one by one, places may be idle that the closed form fills.
        let idle = jobs.iter().map(|job| job.arrives).fold(0.0, f64::max);
        let near = fluid - 2.0 * scenario.latency..fluid * 1.01 + tail + idle;
        assert!(
            near.contains(&best),
            "{}: best {best}, fluid {fluid}",
            scenario.name
        );
    }
}

#[test]
fn what_the_best_has_in_flight_follows_every_limit() {
    let find = |name: &str| scenarios::all().into_iter().find(|s| s.name == name);
    let both = |name: &str, at: f64| {
        let scenario = find(name).expect("a scenario");
        (in_flight(&scenario, at), per_second(&scenario, at))
    };
    assert_eq!(both("moving", 200.0), (Some(10.0), None));
    assert_eq!(both("knee", 0.0), (Some(30.0), None));
    assert_eq!(both("outage", 60.0), (Some(0.0), None));
    assert_eq!(both("both", 0.0), (Some(20.0), Some(10.0)));
    assert_eq!(both("window-300", 0.0), (None, Some(5.0)));
    let (in_flight, per_second) = both("tokens", 0.0);
    close(per_second.expect("a rate"), 2000.0 / 425.0);
    close(in_flight.expect("a number"), 4.0 * 2000.0 / 425.0);
}

#[test]
fn a_batch_finds_what_came_back_in_the_gap() {
    let (scenario, _) = even(200, 1.0);
    let mut scenario = scenario.bucket(60.0, 20.0);
    scenario.arrivals = Arrivals::Batches {
        sizes: vec![100],
        gap: 600.0,
    };
    let jobs = work::jobs(&scenario, 1);
    let finished = run(&scenario, &jobs);
    // 20 at once and 80 a second apart, twice.
    let makespan = 2.0 * 81.0 + 600.0;
    close(last(&finished), makespan);
    close(measure::time(&scenario, &finished, makespan), 2.0 * 81.0);
}

#[test]
fn work_ends_on_the_clocks_milliseconds() {
    let (scenario, jobs) = even(10, 0.0012);
    close(
        best(&scenario.in_flight(Schedule::always(1.0)), &jobs),
        0.02,
    );
}
