//! The best possible makespan: what a client achieves that knows every limit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::limits::{Limits, Rule, Unit};
use crate::scenario::Scenario;
use crate::schedule::Schedule;
use crate::work::Job;

/// The makespan of the client that knows when the server would take the next job, and sends it
/// then: never refused, never late. It does not know how long each job will take, so a few long
/// jobs run out alone at the end, as they must for any client.
pub fn best(scenario: &Scenario, jobs: &[Job]) -> f64 {
    let mut rules = scenario.rules.clone();
    // Above the knee nothing is gained: everything merely takes longer.
    rules.extend(scenario.knee.map(|knee| Rule::InFlight {
        limit: Schedule::always(knee),
        status: 503,
    }));
    let mut limits = Limits::new(&rules);
    let mut ends: BinaryHeap<Reverse<Moment>> = BinaryHeap::new();
    let (mut now, mut last) = (0.0_f64, 0.0_f64);
    for job in jobs {
        now = now.max(job.arrives);
        loop {
            if let Some((from, to)) = scenario.outage.filter(|o| (o.0..o.1).contains(&now)) {
                debug_assert!(from <= now);
                now = to;
            }
            while ends.peek().is_some_and(|end| end.0.0 <= now) {
                ends.pop();
            }
            let mut trial = limits.clone();
            let Err(refusal) = trial.admit(now, job.cost, ends.len()) else {
                limits = trial;
                break;
            };
            // Time alone brings room, or an end does, or the limit itself moves.
            let ended = ends.peek().map(|end| end.0.0);
            let waited = refusal.wait.map(|wait| now + wait.max(1e-6));
            let moved = rules
                .iter()
                .filter_map(|rule| moves(rule, now))
                .reduce(f64::min);
            let next = [waited, ended, moved]
                .into_iter()
                .flatten()
                .reduce(f64::min);
            now = next.expect("a limit that lets something through");
        }
        let end = now + job.latency;
        ends.push(Reverse(Moment(end)));
        last = last.max(end);
    }
    last
}

fn moves(rule: &Rule, now: f64) -> Option<f64> {
    match rule {
        Rule::InFlight { limit, .. } => limit.next_change(now),
        Rule::Bucket { per_minute, .. } => per_minute.next_change(now),
        Rule::Window { .. } | Rule::Opened { .. } | Rule::Sliding { .. } => None,
    }
}

/// How many the same client has in flight at a moment on average, once it has begun, or `None` if that
/// is never steady.
pub fn in_flight(scenario: &Scenario, at: f64) -> Option<f64> {
    if scenario
        .outage
        .is_some_and(|(from, to)| (from..to).contains(&at))
    {
        return Some(0.0);
    }
    let of = |rule: &Rule| match rule {
        Rule::InFlight { limit, .. } => Some(limit.at(at)),
        Rule::Bucket { .. } => Some(rule_per_second(scenario, rule, at)? * scenario.latency),
        Rule::Window { .. } | Rule::Opened { .. } | Rule::Sliding { .. } => None,
    };
    let limits = scenario.rules.iter().filter_map(of);
    limits.chain(scenario.knee).reduce(f64::min)
}

/// How many it sends per second on average, where the API limits that.
pub fn per_second(scenario: &Scenario, at: f64) -> Option<f64> {
    let rates = scenario.rules.iter();
    rates
        .filter_map(|rule| rule_per_second(scenario, rule, at))
        .reduce(f64::min)
}

fn rule_per_second(scenario: &Scenario, rule: &Rule, at: f64) -> Option<f64> {
    let cost = f64::from(scenario.cost.start() + scenario.cost.end()) / 2.0;
    match rule {
        Rule::InFlight { .. } => None,
        Rule::Bucket {
            per_minute, unit, ..
        } => Some(match unit {
            Unit::Requests => per_minute.at(at) / 60.0,
            Unit::Tokens => per_minute.at(at) / 60.0 / cost,
        }),
        Rule::Window { limit, period, .. }
        | Rule::Opened { limit, period }
        | Rule::Sliding { limit, period, .. } => Some(limit / period),
    }
}

/// A lower bound in closed form, as if work were a fluid: the longest that any one limit needs.
/// The time of the last arrival, an outage and the mean latency are added where they must be.
pub fn fluid(scenario: &Scenario, jobs: &[Job]) -> f64 {
    let n = jobs.len() as f64;
    let work: f64 = jobs.iter().map(|job| job.latency).sum();
    let mean = work / n;
    let knee = scenario.knee.map(|knee| work / knee);
    let needs = |rule: &Rule| match rule {
        Rule::InFlight { limit, .. } => time_for(limit, work),
        Rule::Bucket {
            per_minute,
            burst,
            unit,
        } => {
            let units = match unit {
                Unit::Requests => n,
                Unit::Tokens => jobs.iter().map(|job| f64::from(job.cost)).sum(),
            };
            time_for(per_minute, (units - burst).max(0.0) * 60.0) + mean
        }
        Rule::Window {
            limit,
            period,
            phase,
        } => {
            let windows = (n / limit).ceil();
            if windows > 1.0 {
                (windows - 1.0) * period - phase + mean
            } else {
                mean
            }
        }
        Rule::Opened { limit, period } | Rule::Sliding { limit, period, .. } => {
            ((n / limit).ceil() - 1.0) * period + mean
        }
    };
    let limits = scenario
        .rules
        .iter()
        .map(needs)
        .chain(knee)
        .fold(mean, f64::max);
    let outage = scenario.outage.map_or(
        0.0,
        |(from, to)| if from < limits { to - from } else { 0.0 },
    );
    let arrival = jobs.iter().map(|job| job.arrives).fold(0.0, f64::max);
    (limits + outage).max(arrival + mean)
}

/// When the integral of a schedule reaches an amount.
fn time_for(schedule: &Schedule, mut amount: f64) -> f64 {
    let mut at = 0.0;
    loop {
        let rate = schedule.at(at);
        let end = schedule.next_change(at).unwrap_or(f64::INFINITY);
        if amount <= rate * (end - at) {
            return at + amount / rate;
        }
        amount -= rate * (end - at);
        at = end;
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment(f64);

impl Eq for Moment {}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests;
