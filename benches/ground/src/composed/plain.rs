//! Runs beside two plain clients: the retry layer alone, and the same under the true limit.

use std::ops::Range;

use sim::best::{self, last};
use sim::work::Job;

use crate::clients::{self, Kind};
use crate::measure::Measured;
use crate::run;
use crate::runs::on_all_cores;
use crate::scenario::Scenario;

/// By how much too low a limit may slow the best possible client down.
const SLOWER: f64 = 1.005;

/// One run, and those of the plain clients with the same work.
#[derive(Clone, Debug)]
pub struct Row {
    pub scenario: Scenario,
    pub ours: Measured,
    pub retries: Measured,
    pub fixed: Measured,
    /// What `fixed` was given, in each client.
    pub places: usize,
}

impl Row {
    /// The time over that of the quicker plain client that lost no job, if there is one.
    pub fn harm(&self) -> Option<f64> {
        let plain = [&self.retries, &self.fixed].into_iter();
        let times = plain.filter(|run| run.failed == 0).map(|run| run.time);
        times.reduce(f64::min).map(|least| self.ours.time / least)
    }

    /// What it was drawn as in one respect.
    pub fn label(&self, axis: &str) -> Option<&'static str> {
        let labels = self.scenario.labels.iter();
        let mut of_axis = labels.filter(|(name, _)| *name == axis);
        of_axis.next().map(|(_, label)| *label)
    }
}

/// The rows of a client, scenario by scenario and seed by seed.
pub fn rows(scenarios: &[Scenario], kind: &Kind, seeds: Range<u64>) -> Vec<Row> {
    let work: Vec<(&Scenario, u64)> = scenarios
        .iter()
        .flat_map(|scenario| seeds.clone().map(move |seed| (scenario, seed)))
        .collect();
    on_all_cores(&work, |(scenario, seed)| {
        let places = places(scenario, &scenario.jobs(*seed));
        let places = places.div_ceil(scenario.work.clients);
        Row {
            ours: run::run(scenario, kind, *seed),
            retries: run::run(scenario, &clients::RETRIES, *seed),
            fixed: run::run(scenario, &Kind::fixed_at(places), *seed),
            scenario: (*scenario).clone(),
            places,
        }
    })
}

/// The smallest limit on what is in flight that does not slow the best possible client.
fn places(scenario: &Scenario, jobs: &[Job]) -> usize {
    let finished = scenario.best(jobs);
    let makespan = last(&finished);
    let most = SLOWER * scenario.time(&finished, makespan);
    let is_enough = |places: usize| {
        let finished = best::at_most(&scenario.api, &scenario.work, Some(places as f64), jobs);
        scenario.time(&finished, makespan) <= most
    };
    // More than the knee slows nothing, but some luck with it is no reason to go there.
    let most_places = scenario
        .api
        .knee
        .map_or(jobs.len(), |knee| knee.ceil() as usize);
    let (mut too_small, mut enough) = (0, most_places);
    while enough - too_small > 1 {
        let middle = too_small.midpoint(enough);
        if is_enough(middle) {
            enough = middle;
        } else {
            too_small = middle;
        }
    }
    enough
}

#[cfg(test)]
mod tests {
    use sim::schedule::Schedule;

    use super::*;
    use crate::composed;

    #[test]
    fn the_true_limit_is_found() {
        let places = |scenario: Scenario| places(&scenario, &scenario.jobs(1));
        let even = |latency| {
            let mut scenario = Scenario::new("even", "even", 1000, latency);
            scenario.work.sigma = 0.0;
            scenario
        };
        assert_eq!(places(even(2.0).in_flight(Schedule::always(10.0))), 10);
        // 10 a second for 2 s each.
        let of_bucket = places(even(2.0).bucket(600.0, 1.0));
        assert!((20..=21).contains(&of_bucket), "{of_bucket}");
        let mut knee = even(2.0);
        knee.api.knee = Some(5.0);
        assert_eq!(places(knee), 5);
    }

    #[test]
    fn harm_is_against_the_quicker_that_loses_no_job() {
        let run = |time, failed| Measured {
            time,
            failed,
            ..Measured::default()
        };
        let mut row = Row {
            scenario: composed::scenarios(1, 1).remove(0),
            ours: run(30.0, 0),
            retries: run(10.0, 0),
            fixed: run(15.0, 0),
            places: 1,
        };
        assert_eq!(row.harm(), Some(3.0));
        row.retries.failed = 1;
        assert_eq!(row.harm(), Some(2.0));
        row.fixed.failed = 1;
        assert_eq!(row.harm(), None);
    }
}
