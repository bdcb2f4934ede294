//! What an API allows: pure arithmetic, told the time in seconds.

mod bucket;
mod cost;
mod window;

use crate::schedule::Schedule;

pub use bucket::Bucket;
pub use cost::{Cost, Unit};
use window::Fixed;
pub use window::{Opened, Sliding};

/// One limit, as a scenario states it.
#[derive(Clone, Debug)]
pub enum Rule {
    /// The most requests at once, and the status that refuses more.
    InFlight { limit: Schedule, status: u16 },
    /// A token bucket: refill per minute, and the most it holds.
    Bucket {
        per_minute: Schedule,
        burst: f64,
        unit: Unit,
    },
    /// The most requests in each period, counted from zero when the period begins, and one follows the other.
    /// The run begins `phase` seconds into one; or, without a phase, the first request begins the first.
    Window {
        limit: Schedule,
        period: f64,
        phase: Option<f64>,
    },
    /// The most units in each period, counted from zero when the period begins. The run begins `phase` seconds
    /// into one.
    CostWindow {
        limit: Schedule,
        period: f64,
        phase: f64,
        unit: Unit,
    },
    /// The most requests in a period, which begins with the first request after the last one has ended.
    Opened { limit: Schedule, period: f64 },
    /// A number in any stretch as long as the period.
    Sliding {
        limit: Schedule,
        period: f64,
        over: Over,
    },
}

impl Rule {
    /// Requests at once; more are refused with a 429.
    pub fn in_flight(limit: Schedule) -> Self {
        Self::InFlight { limit, status: 429 }
    }

    /// A bucket of requests.
    pub fn bucket(per_minute: f64, burst: f64) -> Self {
        Self::Bucket {
            per_minute: Schedule::always(per_minute),
            burst,
            unit: Unit::Requests,
        }
    }

    /// Windows of which one begins with the run.
    pub fn window(limit: Schedule, period: f64) -> Self {
        Self::Window {
            limit,
            period,
            phase: Some(0.0),
        }
    }
}

/// What a sliding log does with what is over its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Forgotten,
    /// It counts like what is taken.
    Counted,
    /// All is refused for a period from the first that is over, and then the log is empty.
    Blocked,
}

/// What the server could tell of one limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    pub unit: Unit,
    pub limit: f64,
    pub remaining: f64,
    /// Seconds until a bucket is full, or until a window begins anew.
    pub reset: f64,
    /// Seconds in which the whole limit comes back.
    pub window: f64,
    /// What flows into a bucket in each second.
    pub per_second: Option<f64>,
}

/// Why, and for how long, a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    /// Seconds after which the same request would be taken, where time alone brings that about.
    pub wait: Option<f64>,
    /// What is counted by the limit that must be waited for longest. `None` is what is in flight.
    pub unit: Option<Unit>,
}

#[derive(Clone, Debug)]
enum Meter {
    InFlight { limit: Schedule, status: u16 },
    Bucket(Bucket),
    Window(Fixed),
    Opened(Opened),
    Sliding(Sliding),
}

/// All limits of one server, and what they have counted so far.
#[derive(Clone, Debug)]
pub struct Limits {
    meters: Vec<Meter>,
}

impl Limits {
    pub fn new(rules: &[Rule]) -> Self {
        let meter = |rule: &Rule| match rule.clone() {
            Rule::InFlight { limit, status } => Meter::InFlight { limit, status },
            Rule::Bucket {
                per_minute,
                burst,
                unit,
            } => Meter::Bucket(Bucket::of(per_minute, burst, unit)),
            Rule::Window {
                limit,
                period,
                phase,
            } => Meter::Window(Fixed::new(limit, period, phase, Unit::Requests)),
            Rule::CostWindow {
                limit,
                period,
                phase,
                unit,
            } => Meter::Window(Fixed::new(limit, period, Some(phase), unit)),
            Rule::Opened { limit, period } => Meter::Opened(Opened::of(limit, period)),
            Rule::Sliding {
                limit,
                period,
                over,
            } => Meter::Sliding(Sliding::of(limit, period, over)),
        };
        Self {
            meters: rules.iter().map(meter).collect(),
        }
    }

    /// Takes a request in, or says why not. `in_flight` does not include it.
    pub fn admit(
        &mut self,
        now: f64,
        cost: impl Into<Cost>,
        in_flight: usize,
    ) -> Result<(), Refusal> {
        let cost = cost.into();
        let refusal = self.refusal(now, cost, in_flight);
        for meter in &mut self.meters {
            match (meter, refusal) {
                (Meter::Sliding(log), Some(_)) => log.refuse(now),
                (Meter::Bucket(bucket), None) => bucket.count(now, cost),
                (Meter::Window(window), None) => window.count(now, cost),
                (Meter::Opened(window), None) => window.count(now),
                (Meter::Sliding(log), None) => log.count(now),
                _ => {}
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    /// Counts the output of a request that was taken in before.
    pub fn count_output(&mut self, now: f64, output: u32) {
        let cost = Cost { input: 0, output };
        for meter in &mut self.meters {
            match meter {
                Meter::Bucket(bucket) if bucket.unit().counts_output() => bucket.count(now, cost),
                Meter::Window(window) if window.unit().counts_output() => window.count(now, cost),
                _ => {}
            }
        }
    }

    /// Why a request would not be taken, which none of the limits counts as an attempt.
    pub fn refusal(
        &mut self,
        now: f64,
        cost: impl Into<Cost>,
        in_flight: usize,
    ) -> Option<Refusal> {
        let cost = cost.into();
        let mut refusal: Option<Refusal> = None;
        for meter in &mut self.meters {
            let Some(found) = meter.refusal(now, cost, in_flight) else {
                continue;
            };
            let longest = refusal.filter(|so_far| so_far.wait >= found.wait);
            refusal = Some(Refusal {
                status: found.status,
                ..longest.unwrap_or(found)
            });
        }
        refusal
    }

    /// What could be told of each rate limit now.
    pub fn quotas(&mut self, now: f64) -> Vec<Quota> {
        let quota = |meter: &mut Meter| match meter {
            Meter::InFlight { .. } => None,
            Meter::Bucket(bucket) => Some(bucket.quota(now)),
            Meter::Window(window) => Some(window.quota(now)),
            Meter::Opened(window) => Some(window.quota(now)),
            Meter::Sliding(log) => Some(log.quota(now)),
        };
        self.meters.iter_mut().filter_map(quota).collect()
    }
}

impl Meter {
    fn refusal(&mut self, now: f64, cost: Cost, in_flight: usize) -> Option<Refusal> {
        let (unit, wait) = match self {
            Self::InFlight { limit, status } => {
                let refusal = Refusal {
                    status: *status,
                    wait: None,
                    unit: None,
                };
                return (in_flight as f64 >= limit.at(now)).then_some(refusal);
            }
            Self::Bucket(bucket) => (bucket.unit(), bucket.wait_for(now, cost)),
            Self::Window(window) => (window.unit(), window.wait(now, cost)),
            Self::Opened(window) => (Unit::Requests, window.wait(now)),
            Self::Sliding(log) => (Unit::Requests, log.wait(now)),
        };
        (wait > 0.0).then_some(Refusal {
            status: 429,
            wait: Some(wait),
            unit: Some(unit),
        })
    }
}

#[cfg(test)]
mod tests;
