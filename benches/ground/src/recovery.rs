//! Whether a client soon uses what is there again, after an outage or a move of the limit.

use sim::best::{self, Finished};
use sim::limits::Rule;
use sim::server::Log;

use crate::scenario::Scenario;

/// Within how many round trips, and seconds besides.
const WITHIN: (f64, f64) = (20.0, 10.0);

/// The share of what the server can do that is then to be in use.
const USED: f64 = 0.8;

/// How many periods of a window a rate is taken over at least.
const PERIODS: f64 = 2.0;

/// `None` where nothing disturbs, or where there is nothing to do after it.
pub fn recovered(scenario: &Scenario, finished: &[Finished], log: &Log) -> Option<bool> {
    let after = |at: f64| is_used(scenario, finished, log, at);
    let disturbances = disturbances(scenario);
    disturbances
        .into_iter()
        .filter_map(after)
        .reduce(|a, b| a && b)
}

/// When the outage ends, and when the limit moves.
fn disturbances(scenario: &Scenario) -> Vec<f64> {
    let moves = scenario.api.rules.iter().flat_map(|rule| match rule {
        Rule::InFlight { limit, .. }
        | Rule::Window { limit, .. }
        | Rule::Opened { limit, .. }
        | Rule::Sliding { limit, .. } => limit.changes(),
        Rule::Bucket { per_minute, .. } => per_minute.changes(),
    });
    let moves = moves.map(|(at, _)| *at);
    moves.chain(scenario.api.outage.map(|(_, to)| to)).collect()
}

/// Whether the second half of the time that is allowed is used, if there is work for all of it.
fn is_used(scenario: &Scenario, finished: &[Finished], log: &Log, at: f64) -> Option<bool> {
    let lasts = WITHIN.0 * scenario.work.latency + WITHIN.1;
    let (from, to) = (at + lasts / 2.0, at + lasts);
    let period = scenario
        .api
        .rules
        .iter()
        .filter_map(period)
        .fold(0.0, f64::max);
    if to - from < PERIODS * period {
        return None;
    }
    let capacity = best::capacity(&scenario.api, &scenario.work, to)?;
    let accepted = |from: f64, to: f64| {
        let times = log.accepted.iter().map(|(at, _, _)| *at);
        times.filter(|at| (from..to).contains(at)).count()
    };
    let arrived = finished.iter().filter(|job| job.arrived <= from).count();
    // Without a backlog nobody can tell.
    if arrived <= accepted(0.0, to) {
        return None;
    }
    Some(accepted(from, to) as f64 >= USED * capacity * (to - from))
}

fn period(rule: &Rule) -> Option<f64> {
    match rule {
        Rule::Window { period, .. }
        | Rule::Opened { period, .. }
        | Rule::Sliding { period, .. } => Some(*period),
        Rule::InFlight { .. } | Rule::Bucket { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use sim::schedule::Schedule;

    use super::*;
    use crate::composed;

    /// One job a second, accepted at once, and a limit that doubles.
    fn steady(sent_per_second: f64) -> Option<bool> {
        let scenario = Scenario::new("steady", "steady", 400, 1.0)
            .in_flight(Schedule::steps(&[(0.0, 1.0), (100.0, 2.0)]));
        let job = |id: usize| Finished {
            batch: 0,
            arrived: 0.0,
            sent: id as f64 / sent_per_second,
            at: id as f64 / sent_per_second + 1.0,
            done: true,
        };
        let finished: Vec<Finished> = (0..400).map(job).collect();
        let accepted = finished.iter().map(|job| (job.at - 1.0, 0, 0)).collect();
        let log = Log {
            accepted,
            ..Log::default()
        };
        recovered(&scenario, &finished, &log)
    }

    #[test]
    fn what_is_there_is_to_be_used_soon() {
        assert_eq!(steady(1.0), Some(false));
        assert_eq!(steady(1.9), Some(true));
    }

    #[test]
    fn the_best_possible_client_recovers() {
        let mut told = Vec::new();
        for scenario in composed::scenarios(400, 101) {
            let finished = scenario.best(&scenario.jobs(1));
            let accepted = finished.iter().map(|job| (job.sent, 0, 0)).collect();
            let log = Log {
                accepted,
                ..Log::default()
            };
            let recovered = recovered(&scenario, &finished, &log);
            if recovered == Some(false) {
                println!("{}: {}", scenario.name, scenario.title);
            }
            told.extend(recovered);
        }
        let did = told.iter().filter(|recovered| **recovered).count();
        assert!(did * 20 >= told.len() * 19, "{did} of {}", told.len());
    }

    #[test]
    fn without_work_nobody_can_tell() {
        assert_eq!(steady(10.0), None);
    }
}
