//! What a scenario consists of.

use sim::api::Api;
use sim::best::{self, Finished};
use sim::hints::Style;
use sim::limits::Rule;
use sim::schedule::Schedule;
use sim::server::Answers;
use sim::work::{self, Job, Work};

use crate::vector::Model;

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
    pub api: Api,
    pub work: Work,
    /// After which share of the work a streamed answer begins.
    pub head: f64,
    /// What is accepted is answered so.
    pub answers: Answers,
    /// Vector's server model in place of the limits above.
    pub vector: Option<Model>,
    pub bounds: Bounds,
    /// Why our own client misses some of them, as long as it does.
    pub known_miss: Option<&'static str>,
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
            api: Api::default(),
            work: Work::new(jobs, latency),
            head: 0.1,
            answers: Answers::Short,
            vector: None,
            bounds: Bounds {
                ratio: 1.05,
                refused: 25.0,
                peak: None,
            },
            known_miss: None,
            patience: Patience {
                times: 50.0,
                seconds: 0.0,
            },
            labels: Vec::new(),
        }
    }

    pub fn rule(mut self, rule: Rule) -> Self {
        self.api.rules.push(rule);
        self
    }

    pub fn in_flight(self, limit: Schedule) -> Self {
        self.rule(Rule::in_flight(limit))
    }

    pub fn bucket(self, per_minute: f64, burst: f64) -> Self {
        self.rule(Rule::bucket(per_minute, burst))
    }

    /// Also sets the bound on refusals that such hints allow.
    pub fn hints(mut self, style: Style) -> Self {
        self.bounds.refused = match style {
            Style::None => 25.0,
            Style::RetryAfter | Style::Traefik => 15.0,
            Style::OpenAi | Style::Anthropic | Style::Ietf | Style::Epoch => 10.0,
        };
        self.api.hints = style;
        self
    }

    /// Also sets the bound on the ratio that several clients are held to.
    pub fn shared_by(mut self, clients: usize, join_every: f64) -> Self {
        (self.work.clients, self.work.join_every) = (clients, join_every);
        self.at_most(1.10)
    }

    /// Our own client misses its bounds, for this reason. Only here is that said: `--check` and `--standing` read
    /// it.
    pub fn missed_because(mut self, why: &'static str) -> Self {
        self.known_miss = Some(why);
        self
    }

    /// Bounds the makespan over the best possible.
    pub fn at_most(mut self, ratio: f64) -> Self {
        self.bounds.ratio = ratio;
        self
    }
}

impl Scenario {
    /// The jobs, in the order in which they arrive.
    pub fn jobs(&self, seed: u64) -> Vec<Job> {
        work::jobs(&self.work, seed)
    }

    /// How each ends if the client knows every limit.
    pub fn best(&self, jobs: &[Job]) -> Vec<Finished> {
        best::run(&self.api, &self.work, jobs)
    }

    /// The time that counts.
    pub fn time(&self, finished: &[Finished], best: f64) -> f64 {
        best::time(&self.work.arrivals, finished, best)
    }

    /// When a run is over whose client does not end.
    pub fn cut_off(&self, best: f64) -> f64 {
        let idle = self.work.gap() * (self.work.batches().len() - 1) as f64;
        idle + self.patience.times * (best - idle) + self.patience.seconds
    }
}
