//! What a scenario consists of.

use std::ops::RangeInclusive;

use crate::hints::{Exactness, Style};
use crate::limits::{Rule, Unit};
use crate::schedule::Schedule;
use crate::server::Answers;
use crate::vector::Model;

/// When jobs come.
#[derive(Clone, Debug)]
pub enum Arrivals {
    AllAtOnce,
    Poisson {
        per_second: f64,
    },
    /// A number one by one, at equal intervals in seconds, then all the rest.
    TrickleThenBurst {
        trickle: usize,
        every: f64,
    },
    /// A number at once, and the next some seconds after all of them are done. The sizes are used in turn.
    Batches {
        sizes: Vec<usize>,
        gap: f64,
    },
    /// One each time that this number of seconds has passed. What counts is how long each waits until it is sent.
    Steady {
        every: f64,
    },
    /// From a trace, in seconds.
    Given(Vec<f64>),
}

/// Which jobs take another time than the scenario's.
#[derive(Clone, Copy, Debug)]
pub enum Calls {
    Same,
    /// This number from the first on.
    First {
        jobs: usize,
        latency: f64,
    },
    /// One in this number.
    Every {
        nth: usize,
        latency: f64,
    },
}

impl Calls {
    /// The mean latency of a job, if it is another.
    pub fn latency(self, id: usize) -> Option<f64> {
        match self {
            Self::First { jobs, latency } if id < jobs => Some(latency),
            Self::Every { nth, latency } if id % nth == 0 => Some(latency),
            _ => None,
        }
    }
}

/// Which requests are refused whatever the load.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// A share of them, at random.
    Share(f64),
    /// One in this number.
    Every(usize),
    /// The one of this number, counted from one.
    Only(usize),
}

/// Refusals that have nothing to do with load.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    pub which: Which,
    pub status: u16,
    /// The `Retry-After` that comes along, in seconds, whatever the limits tell.
    pub retry_after: Option<f64>,
}

impl Random {
    /// Refusals without a hint.
    pub fn of(share: f64, status: u16) -> Self {
        Self {
            which: Which::Share(share),
            status,
            retry_after: None,
        }
    }
}

/// When a run is over whose client does not end.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// In multiples of what the best possible client needs.
    pub times: f64,
    /// And in seconds, not counting the gaps between batches.
    pub seconds: f64,
}

/// What a scenario was drawn as in one respect: `limit`, `bucket`.
pub type Label = (&'static str, &'static str);

/// What our own client must reach.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Makespan over the best possible.
    pub ratio: f64,
    /// Refusals per 1,000 jobs.
    pub refused: f64,
    /// The most that may be in flight at the server.
    pub peak: Option<usize>,
}

/// A simulated API and the work to do on it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name on the command line.
    pub name: &'static str,
    /// The name in the table.
    pub title: &'static str,
    pub jobs: usize,
    /// Mean seconds of work on an idle server.
    pub latency: f64,
    /// The spread of the log-normal latency.
    pub sigma: f64,
    pub cost: RangeInclusive<u32>,
    pub rules: Vec<Rule>,
    /// With more than this in flight, each takes longer in proportion.
    pub knee: Option<f64>,
    /// All is 503 between these.
    pub outage: Option<(f64, f64)>,
    /// The status that refuses what is over a rate.
    pub status: u16,
    pub random: Option<Random>,
    pub hints: Style,
    pub exactness: Exactness,
    pub arrivals: Arrivals,
    pub calls: Calls,
    /// This number of jobs, from the first on, are refused for ever, with a `Retry-After` of ten seconds. They do not count.
    pub hopeless: usize,
    /// After which share of the work a streamed answer begins.
    pub head: f64,
    /// Independent instances of the client.
    pub clients: usize,
    /// How many seconds after the one before each begins.
    pub join_every: f64,
    /// What is accepted is answered so.
    pub answers: Answers,
    /// Vector's server model in place of the limits above.
    pub vector: Option<Model>,
    pub bounds: Bounds,
    pub patience: Patience,
    /// By which rows are grouped.
    pub labels: Vec<Label>,
}

impl Scenario {
    /// A scenario with no limit yet.
    pub fn new(name: &'static str, title: &'static str, jobs: usize, latency: f64) -> Self {
        Self {
            name,
            title,
            jobs,
            latency,
            sigma: 0.4,
            cost: 1..=1,
            rules: Vec::new(),
            knee: None,
            outage: None,
            status: 429,
            random: None,
            hints: Style::None,
            exactness: Exactness::Right,
            arrivals: Arrivals::AllAtOnce,
            calls: Calls::Same,
            hopeless: 0,
            head: 0.1,
            clients: 1,
            join_every: 0.0,
            answers: Answers::Short,
            vector: None,
            bounds: Bounds {
                ratio: 1.05,
                refused: 25.0,
                peak: None,
            },
            patience: Patience {
                times: 50.0,
                seconds: 0.0,
            },
            labels: Vec::new(),
        }
    }

    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    pub fn in_flight(self, limit: Schedule) -> Self {
        self.rule(Rule::InFlight { limit, status: 429 })
    }

    pub fn bucket(self, per_minute: f64, burst: f64) -> Self {
        let per_minute = Schedule::always(per_minute);
        self.rule(Rule::Bucket {
            per_minute,
            burst,
            unit: Unit::Requests,
        })
    }

    /// Also sets the bound on refusals that such hints allow.
    pub fn hints(mut self, style: Style) -> Self {
        self.bounds.refused = match style {
            Style::None => 25.0,
            Style::RetryAfter | Style::Traefik => 15.0,
            Style::OpenAi | Style::Anthropic | Style::Ietf | Style::Epoch => 10.0,
        };
        self.hints = style;
        self
    }

    /// Also sets the bound on the ratio that several clients are held to.
    pub fn shared_by(mut self, clients: usize, join_every: f64) -> Self {
        (self.clients, self.join_every) = (clients, join_every);
        self.at_most(1.10)
    }

    /// Bounds the makespan over the best possible.
    pub fn at_most(mut self, ratio: f64) -> Self {
        self.bounds.ratio = ratio;
        self
    }
}

impl Scenario {
    /// Seconds between a batch's end and the next one's beginning.
    pub fn gap(&self) -> f64 {
        match self.arrivals {
            Arrivals::Batches { gap, .. } => gap,
            _ => 0.0,
        }
    }

    /// How many jobs there are in each batch.
    pub fn batches(&self) -> Vec<usize> {
        let Arrivals::Batches { sizes, .. } = &self.arrivals else {
            return vec![self.jobs];
        };
        let (mut batches, mut left) = (Vec::new(), self.jobs);
        for size in sizes.iter().cycle() {
            batches.push(left.min(*size));
            left = left.saturating_sub(*size);
            if left == 0 {
                break;
            }
        }
        batches
    }

    /// When a run is over whose client does not end.
    pub fn cut_off(&self, best: f64) -> f64 {
        let idle = self.gap() * (self.batches().len() - 1) as f64;
        idle + self.patience.times * (best - idle) + self.patience.seconds
    }

    /// How much longer work takes with `in_flight` requests at once.
    pub fn slowdown(&self, in_flight: usize) -> f64 {
        self.knee
            .map_or(1.0, |knee| (in_flight as f64 / knee).max(1.0))
    }
}
