use sim::best::{fluid, in_flight, last, per_second};

use super::*;

#[test]
fn no_scenario_can_be_done_faster_than_a_fluid_or_much_slower() {
    for scenario in all() {
        let jobs = scenario.jobs(1);
        let (best, fluid) = (last(&scenario.best(&jobs)), fluid(&scenario.api, &jobs));
        let tail = jobs.iter().map(|job| job.latency).fold(0.0, f64::max);
        // The closed form adds a mean latency where the last job may happen to be a short one.
        // While jobs still arrive one by one, places may be idle that the closed form fills.
        let idle = jobs.iter().map(|job| job.arrives).fold(0.0, f64::max);
        let near = fluid - 2.0 * scenario.work.latency..fluid * 1.01 + tail + idle;
        assert!(
            near.contains(&best),
            "{}: best {best}, fluid {fluid}",
            scenario.name
        );
    }
}

#[test]
fn what_the_best_has_in_flight_follows_every_limit() {
    let find = |name: &str| all().into_iter().find(|s| s.name == name);
    let both = |name: &str, at: f64| {
        let scenario = find(name).expect("a scenario");
        (
            in_flight(&scenario.api, &scenario.work, at),
            per_second(&scenario.api, &scenario.work, at),
        )
    };
    assert_eq!(both("moving", 200.0), (Some(10.0), None));
    assert_eq!(both("knee", 0.0), (Some(30.0), None));
    assert_eq!(both("outage", 60.0), (Some(0.0), None));
    assert_eq!(both("both", 0.0), (Some(20.0), Some(10.0)));
    assert_eq!(both("window-300", 0.0), (None, Some(5.0)));
    let (in_flight, per_second) = both("tokens", 0.0);
    let rate: f64 = 2000.0 / 425.0;
    assert!((per_second.expect("a rate") - rate).abs() < 0.001);
    assert!((in_flight.expect("a number") - 4.0 * rate).abs() < 0.001);
}
