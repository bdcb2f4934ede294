//! The best possible makespan: what a client achieves that knows every limit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::limits::{Limits, Refusal, Rule, Unit};
use crate::measure::{self, Finished, last};
use crate::scenario::Scenario;
use crate::schedule::Schedule;
use crate::work::Job;

/// The makespan of the client that knows when the server would take the next job, and sends it
/// then: never refused, never late. It does not know how long each job will take, so a few long
/// jobs run out alone at the end, as they must for any client.
pub fn best(scenario: &Scenario, jobs: &[Job]) -> f64 {
    last(&run(scenario, jobs))
}

/// How each job of that client ends. Above the knee no more is done, but short jobs need not wait for long
/// ones: it does what is quicker.
pub fn run(scenario: &Scenario, jobs: &[Job]) -> Vec<Finished> {
    let below = at_most(scenario, scenario.knee, jobs);
    if scenario.knee.is_none() {
        return below;
    }
    let (above, makespan) = (at_most(scenario, None, jobs), last(&below));
    let time = |finished| measure::time(scenario, finished, makespan);
    if time(&above) < time(&below) {
        above
    } else {
        below
    }
}

/// How each ends with no more than that many at once.
pub fn at_most(scenario: &Scenario, places: Option<f64>, jobs: &[Job]) -> Vec<Finished> {
    let mut server = Known::new(scenario, places);
    let mut finished = Vec::with_capacity(jobs.len());
    let mut begins = 0.0;
    for batch in jobs.chunk_by(|a, b| a.batch == b.batch) {
        if batch[0].batch > 0 {
            begins = last(&finished) + scenario.gap();
        }
        for job in batch.iter().filter(|job| job.id >= scenario.hopeless) {
            let arrived = begins + job.arrives;
            let at = server.takes(arrived, job);
            finished.push(Finished {
                batch: job.batch,
                arrived,
                sent: server.now,
                at,
                done: true,
            });
        }
    }
    finished
}

/// The clock that clients sleep by goes in whole milliseconds, and never wakes them early.
fn tick(at: f64) -> f64 {
    (at * 1000.0 - 1e-6).ceil() / 1000.0
}

/// The server as the client that knows it sees it.
struct Known<'a> {
    scenario: &'a Scenario,
    rules: Vec<Rule>,
    limits: Limits,
    ends: BinaryHeap<Reverse<Moment>>,
    now: f64,
}

impl<'a> Known<'a> {
    fn new(scenario: &'a Scenario, places: Option<f64>) -> Self {
        let mut rules = scenario.rules.clone();
        rules.extend(places.map(|places| Rule::InFlight {
            limit: Schedule::always(places),
            status: 503,
        }));
        Self {
            scenario,
            limits: Limits::new(&rules),
            rules,
            ends: BinaryHeap::new(),
            now: 0.0,
        }
    }

    /// Takes a job at the first moment at which it can. Gives the moment at which its work ends.
    fn takes(&mut self, arrived: f64, job: &Job) -> f64 {
        self.now = self.now.max(tick(arrived));
        loop {
            if let Some((_, to)) = self
                .scenario
                .outage
                .filter(|(from, to)| (*from..*to).contains(&self.now))
            {
                self.now = tick(to);
            }
            let now = self.now;
            while self.ends.peek().is_some_and(|end| end.0.0 <= now) {
                self.ends.pop();
            }
            let Some(refusal) = self.limits.refusal(now, job.cost, self.ends.len()) else {
                break;
            };
            self.now = tick(self.next_chance(refusal));
        }
        let admitted = self.limits.admit(self.now, job.cost, self.ends.len());
        debug_assert!(admitted.is_ok(), "a request that nothing refuses");
        let slowdown = self.scenario.slowdown(self.ends.len() + 1);
        let end = tick(self.now + job.latency * slowdown);
        self.ends.push(Reverse(Moment(end)));
        end
    }

    /// Time alone brings room, or an end does, or the limit itself moves.
    fn next_chance(&self, refusal: Refusal) -> f64 {
        let waited = refusal.wait.map(|wait| self.now + wait.max(1e-5));
        let ended = self.ends.peek().map(|end| end.0.0);
        let moved = self.rules.iter().filter_map(|rule| moves(rule, self.now));
        let next = moved.chain(waited).chain(ended).reduce(f64::min);
        next.expect("a limit that lets something through")
    }
}

fn moves(rule: &Rule, now: f64) -> Option<f64> {
    match rule {
        Rule::InFlight { limit, .. } => limit.next_change(now),
        Rule::Bucket { per_minute, .. } => per_minute.next_change(now),
        Rule::Window { limit, .. } | Rule::Opened { limit, .. } | Rule::Sliding { limit, .. } => {
            limit.next_change(now)
        }
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
        | Rule::Sliding { limit, period, .. } => Some(limit.at(at) / period),
    }
}

/// How many the server can do per second on average, whatever limits that, or `None` if nothing does.
pub fn capacity(scenario: &Scenario, at: f64) -> Option<f64> {
    let places = scenario.rules.iter().filter_map(|rule| match rule {
        Rule::InFlight { limit, .. } => Some(limit.at(at)),
        _ => None,
    });
    let by_places = places
        .chain(scenario.knee)
        .map(|places| places / scenario.latency);
    by_places.chain(per_second(scenario, at)).reduce(f64::min)
}

/// A lower bound in closed form, as if work were a fluid: the longest that any one limit needs.
/// Windows are taken not to move. The time of the last arrival, an outage and the mean latency are added where they must be.
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
            let windows = (n / limit.at(0.0)).ceil();
            if windows > 1.0 {
                (windows - 1.0) * period - phase + mean
            } else {
                mean
            }
        }
        Rule::Opened { limit, period } | Rule::Sliding { limit, period, .. } => {
            ((n / limit.at(0.0)).ceil() - 1.0) * period + mean
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
