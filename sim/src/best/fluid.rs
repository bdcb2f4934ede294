//! What the best possible client does on average, and how long that takes at least.

use crate::api::Api;
use crate::limits::{Rule, Unit};
use crate::schedule::Schedule;
use crate::work::{Job, Work};

/// How many the same client has in flight at a moment on average, once it has begun, or `None` if that
/// is never steady.
pub fn in_flight(api: &Api, work: &Work, at: f64) -> Option<f64> {
    if api.out_until(at).is_some() {
        return Some(0.0);
    }
    let of = |rule: &Rule| match rule {
        Rule::InFlight { limit, .. } => Some(limit.at(at)),
        Rule::Bucket { .. } => Some(rule_per_second(work, rule, at)? * work.latency),
        Rule::Window { .. } | Rule::Opened { .. } | Rule::Sliding { .. } => None,
    };
    let limits = api.rules.iter().filter_map(of);
    limits.chain(api.knee).reduce(f64::min)
}

/// How many it sends per second on average, where the API limits that.
pub fn per_second(api: &Api, work: &Work, at: f64) -> Option<f64> {
    let rates = api.rules.iter();
    rates
        .filter_map(|rule| rule_per_second(work, rule, at))
        .reduce(f64::min)
}

fn rule_per_second(work: &Work, rule: &Rule, at: f64) -> Option<f64> {
    let cost = f64::from(work.cost.start() + work.cost.end()) / 2.0;
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
        | Rule::Sliding { limit, period, .. } => Some(limit.at(at) / period),
    }
}

/// How many the server can do per second on average, whatever limits that, or `None` if nothing does.
pub fn capacity(api: &Api, work: &Work, at: f64) -> Option<f64> {
    let places = api.rules.iter().filter_map(|rule| match rule {
        Rule::InFlight { limit, .. } => Some(limit.at(at)),
        _ => None,
    });
    let by_places = places.chain(api.knee).map(|places| places / work.latency);
    by_places.chain(per_second(api, work, at)).reduce(f64::min)
}

/// A lower bound in closed form, as if work were a fluid: the longest that any one limit needs.
/// Windows are taken not to move. The time of the last arrival, an outage and the mean latency are added where they must be.
pub fn fluid(api: &Api, jobs: &[Job]) -> f64 {
    let n = jobs.len() as f64;
    let work: f64 = jobs.iter().map(|job| job.latency).sum();
    let mean = work / n;
    let knee = api.knee.map(|knee| work / knee);
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
            let windows = (n / limit.at(0.0)).ceil();
            if windows > 1.0 {
                (windows - 1.0) * period - phase.unwrap_or(0.0) + mean
            } else {
                mean
            }
        }
        Rule::Opened { limit, period } | Rule::Sliding { limit, period, .. } => {
            ((n / limit.at(0.0)).ceil() - 1.0) * period + mean
        }
    };
    let limits = api.rules.iter().map(needs).chain(knee).fold(mean, f64::max);
    let outage = api.outage.map_or(
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
