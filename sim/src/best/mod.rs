//! The best possible makespan: what a client achieves that knows every limit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::api::Api;
use crate::limits::{Limits, Refusal, Rule};
use crate::schedule::Schedule;
use crate::work::{Job, Work};

mod fluid;
mod time;

pub use fluid::{capacity, fluid, in_flight, per_second};
pub use time::{Finished, last, time};

/// The makespan of the client that knows when the server would take the next job, and sends it
/// then: never refused, never late. It does not know how long each job will take, so a few long
/// jobs run out alone at the end, as they must for any client.
pub fn best(api: &Api, work: &Work, jobs: &[Job]) -> f64 {
    last(&run(api, work, jobs))
}

/// How each job of that client ends. Above the knee no more is done, but short jobs need not wait for long
/// ones: it does what is quicker.
pub fn run(api: &Api, work: &Work, jobs: &[Job]) -> Vec<Finished> {
    let below = at_most(api, work, api.knee, jobs);
    if api.knee.is_none() {
        return below;
    }
    let (above, makespan) = (at_most(api, work, None, jobs), last(&below));
    let time = |finished| time(&work.arrivals, finished, makespan);
    if time(&above) < time(&below) {
        above
    } else {
        below
    }
}

/// How each ends with no more than that many at once.
pub fn at_most(api: &Api, work: &Work, places: Option<f64>, jobs: &[Job]) -> Vec<Finished> {
    let mut server = Known::new(api, places);
    let mut finished = Vec::with_capacity(jobs.len());
    let mut begins = 0.0;
    for batch in jobs.chunk_by(|a, b| a.batch == b.batch) {
        if batch[0].batch > 0 {
            begins = last(&finished) + work.gap();
        }
        for job in batch.iter().filter(|job| job.id >= work.hopeless) {
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
    api: &'a Api,
    rules: Vec<Rule>,
    limits: Limits,
    ends: BinaryHeap<Reverse<Moment>>,
    now: f64,
}

impl<'a> Known<'a> {
    fn new(api: &'a Api, places: Option<f64>) -> Self {
        let mut rules = api.rules.clone();
        rules.extend(places.map(|places| Rule::InFlight {
            limit: Schedule::always(places),
            status: 503,
        }));
        Self {
            api,
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
            if let Some(to) = self.api.out_until(self.now) {
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
        let slowdown = self.api.slowdown(self.ends.len() + 1);
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
