use sim::best::last;

use super::*;
use crate::clients;

#[test]
fn a_draw_is_the_same_each_time_and_however_many_there_are() {
    let titles = |count: usize, seed: u64| -> Vec<&str> {
        scenarios(count, seed).iter().map(|s| s.title).collect()
    };
    assert_eq!(titles(20, 7)[..10], titles(10, 7));
    assert_ne!(titles(10, 7), titles(10, 8));
}

#[test]
fn every_scenario_can_be_done() {
    for scenario in scenarios(200, 3) {
        let jobs = scenario.jobs(2);
        let best = last(&scenario.best(&jobs));
        assert!(best.is_finite() && best > 0.0, "{}", scenario.title);
        assert!((200..=10_001).contains(&jobs.len()), "{}", scenario.title);
    }
}

#[test]
fn a_report_is_the_same_to_the_digit() {
    let kind = clients::ALL[0];
    let printed = || report(&rows(&scenarios(12, 5), &kind, 1..2), true);
    assert_eq!(printed(), printed());
}
