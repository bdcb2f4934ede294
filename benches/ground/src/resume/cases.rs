//! The APIs that a program comes back to.

use sim::limits::Rule;
use sim::schedule::Schedule;

use crate::scenario::Scenario;
use crate::scenarios;

/// When the limit moves, in seconds: after the first run, and before the second one of the next day.
pub(super) const MOVES_AT: f64 = 20_000.0;

const MINUTE: f64 = 60.0;
pub(super) const NIGHT: f64 = 8.0 * 3600.0;

/// What the second run is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// A third of the first run's refusals.
    Third,
    /// A time of at most 1.2 times the best.
    Time,
    /// No more refusals than a run that begins with nothing, and two.
    NoWorse,
    /// The same as a quantile, with all others that are drawn.
    Drawn,
}

/// An API to which a program comes back.
#[derive(Clone, Debug)]
pub struct Case {
    pub(super) api: Scenario,
    /// Seconds between the two runs.
    pub(super) gap: f64,
    /// By how much the limits are multiplied between them.
    pub(super) factor: f64,
    pub(super) promise: Promise,
}

impl Case {
    pub(super) fn new(api: Scenario, gap: f64, factor: f64, promise: Promise) -> Self {
        Self {
            api,
            gap,
            factor,
            promise,
        }
    }

    /// The API over both runs.
    pub(super) fn of_both(&self) -> Scenario {
        self.moved_at(MOVES_AT)
    }

    /// The API as the second run meets it.
    pub(super) fn of_second(&self) -> Scenario {
        self.moved_at(0.0)
    }

    fn moved_at(&self, at: f64) -> Scenario {
        let mut api = self.api.clone();
        if self.factor != 1.0 {
            for rule in &mut api.api.rules {
                moved(rule, at, self.factor);
            }
        }
        api
    }
}

fn moved(rule: &mut Rule, at: f64, factor: f64) {
    let schedule = match rule {
        Rule::InFlight { limit, .. }
        | Rule::Window { limit, .. }
        | Rule::CostWindow { limit, .. }
        | Rule::Opened { limit, .. }
        | Rule::Sliding { limit, .. } => limit,
        Rule::Bucket { per_minute, .. } => per_minute,
    };
    let before = schedule.at(0.0);
    let after = factor * before;
    *schedule = if at > 0.0 {
        Schedule::steps(&[(0.0, before), (at, after)])
    } else {
        Schedule::always(after)
    };
}

/// The scenarios of the table that the second runs are about.
const APIS: [(&str, Promise); 8] = [
    ("five", Promise::Third),
    ("fifty", Promise::NoWorse),
    ("free-200", Promise::Time),
    ("bucket-500", Promise::Third),
    ("bucket-500-ra", Promise::NoWorse),
    ("bucket-500-openai", Promise::NoWorse),
    ("five-rpm", Promise::Third),
    ("window-300", Promise::NoWorse),
];

/// All of them, in the order of the table.
pub(super) fn all() -> Vec<Case> {
    let scenarios = scenarios::all();
    let mut all = Vec::new();
    for (name, promise) in APIS {
        let api = scenarios.iter().find(|scenario| scenario.name == name);
        let api = api.expect("a scenario of that name");
        for (gap, factor, promise) in [
            (MINUTE, 1.0, promise),
            (NIGHT, 1.0, promise),
            (NIGHT, 0.5, Promise::NoWorse),
            (NIGHT, 2.0, Promise::NoWorse),
        ] {
            all.push(Case::new(api.clone(), gap, factor, promise));
        }
    }
    all
}
