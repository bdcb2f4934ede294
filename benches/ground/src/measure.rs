//! What a run comes to.

use sim::best::{Finished, last};
use sim::limits::Rule;
use sim::server::Log;

use crate::recovery;
use crate::run::Observed;
use crate::scenario::Scenario;

/// The figures of one run.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub done: usize,
    pub failed: usize,
    pub makespan: f64,
    pub best: f64,
    /// The time that counts, and that of the best possible client.
    pub time: f64,
    pub best_time: f64,
    /// Whether the run was cut off.
    pub hung: bool,
    /// Refused by a limit, per 1,000 jobs.
    pub refused: f64,
    /// Refused for reasons no client can help (an outage, random 529s), per 1,000 jobs.
    pub disturbed: f64,
    pub peak: usize,
    /// Seconds from a job's arrival until the attempt that was accepted.
    pub queued_p50: f64,
    pub queued_p99: f64,
    /// Jain's index of what each client got in the first half.
    pub jain: Option<f64>,
    /// Seconds until the slowest late joiner had 0.8 of its fair share.
    pub joined: Option<f64>,
    /// Round trips from the last change of the limit until what it allows is in use.
    pub settled: Option<f64>,
    /// Whether what is there is soon in use again after an outage or a move of the limit.
    pub recovered: Option<bool>,
}

impl Measured {
    /// As `ratio`, of the time that counts.
    pub fn time_ratio(&self) -> f64 {
        self.time / self.best_time
    }

    pub fn ratio(&self) -> f64 {
        self.makespan / self.best
    }
}

/// Measures a run.
pub fn measure(scenario: &Scenario, best: &[Finished], seen: &Observed) -> Measured {
    let Observed { finished, log, .. } = seen;
    let n = best.len() as f64;
    let done = finished.iter().filter(|job| job.done).count();
    let (makespan, best_makespan) = (last(finished), last(best));
    let mut queued: Vec<f64> = finished
        .iter()
        .filter(|job| job.done)
        .map(|job| job.sent - job.arrived)
        .collect();
    queued.sort_by(f64::total_cmp);
    let shared = scenario.work.clients > 1;
    Measured {
        done,
        failed: best.len() - done,
        makespan,
        best: best_makespan,
        time: scenario.time(finished, best_makespan),
        best_time: scenario.time(best, best_makespan),
        hung: seen.hung,
        refused: log.refused as f64 * 1000.0 / n,
        disturbed: log.disturbed as f64 * 1000.0 / n,
        peak: log.in_flight.iter().map(|(_, n)| *n).max().unwrap_or(0),
        queued_p50: quantile(&queued, 0.5),
        queued_p99: quantile(&queued, 0.99),
        jain: (shared && scenario.work.join_every == 0.0)
            .then(|| jain(&shares(log, scenario.work.clients, 0.0, makespan / 2.0))),
        joined: (scenario.work.join_every > 0.0)
            .then(|| joined(scenario, log))
            .flatten(),
        settled: settled(scenario, log),
        recovered: recovery::recovered(scenario, finished, log),
    }
}

pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let index = (q * sorted.len() as f64) as usize;
    sorted
        .get(index.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}

/// What each client got accepted in a stretch of time.
fn shares(log: &Log, clients: usize, from: f64, to: f64) -> Vec<f64> {
    let mut shares = vec![0.0; clients];
    for (at, client, _) in &log.accepted {
        if (from..to).contains(at) {
            shares[*client] += 1.0;
        }
    }
    shares
}

/// Jain's index: one when all got the same, one by the number of clients when one got all.
pub fn jain(shares: &[f64]) -> f64 {
    let (sum, squares) = shares
        .iter()
        .fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
    if squares == 0.0 {
        1.0
    } else {
        sum * sum / (shares.len() as f64 * squares)
    }
}

/// Over how many seconds a share is taken.
const SHARE: f64 = 20.0;

/// The longest any late joiner took from its start to 0.8 of an equal share.
fn joined(scenario: &Scenario, log: &Log) -> Option<f64> {
    let took = |client: usize| {
        let start = client as f64 * scenario.work.join_every;
        let reached = |after: &f64| {
            let (from, to) = (start + after - SHARE, start + after);
            let shares = shares(log, scenario.work.clients, from.max(start), to);
            let active = (to / scenario.work.join_every)
                .floor()
                .min(scenario.work.clients as f64 - 1.0)
                + 1.0;
            shares[client] >= 0.8 * shares.iter().sum::<f64>() / active
        };
        (5..600).map(f64::from).find(reached)
    };
    let all: Vec<Option<f64>> = (1..scenario.work.clients).map(took).collect();
    all.into_iter()
        .map(|took| took.unwrap_or(f64::INFINITY))
        .reduce(f64::max)
}

/// Round trips after the only change of a limit on what is in flight until 90 % of a higher one
/// is in use, or no more than a lower one.
fn settled(scenario: &Scenario, log: &Log) -> Option<f64> {
    let [Rule::InFlight { limit, .. }] = scenario.api.rules.as_slice() else {
        return None;
    };
    let [(at, value)] = limit.changes() else {
        return None;
    };
    if limit.next_change(*at).is_some() {
        return None;
    }
    let risen = *value > limit.at(0.0);
    let there = |n: usize| {
        if risen {
            n as f64 >= 0.9 * value
        } else {
            n as f64 <= *value
        }
    };
    let when = log
        .in_flight
        .iter()
        .find(|(t, n)| t > at && there(*n))
        .map(|(t, _)| *t);
    Some(when.map_or(f64::INFINITY, |t| (t - at) / scenario.work.latency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jains_index_is_one_when_all_get_the_same() {
        assert_eq!(jain(&[3.0, 3.0, 3.0]), 1.0);
        assert_eq!(jain(&[9.0, 0.0, 0.0]), 1.0 / 3.0);
    }

    #[test]
    fn quantiles_stay_within_what_there_is() {
        assert_eq!(quantile(&[], 0.5), 0.0);
        assert_eq!(quantile(&[1.0, 2.0, 3.0], 0.99), 3.0);
    }
}
