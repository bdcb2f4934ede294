//! The twelve conditions of Vector's test suite, and the ranges it asserts of its own controller.

use crate::clients::{self, Kind};
use crate::scenario::{Arrivals, Scenario};

use super::model::{Action, Level, Model};

/// A closed range.
type Range = (f64, f64);

/// What Vector asserts of the server's side: the distribution of what was in flight over time.
#[derive(Clone, Copy, Debug)]
pub struct Asserted {
    pub max: Range,
    pub mean: Range,
}

/// A condition.
#[derive(Clone, Debug)]
pub struct Condition {
    pub scenario: Scenario,
    /// Seconds that the best possible client needs.
    pub best: f64,
    pub in_flight: Asserted,
    /// A limit that is given, not learned.
    pub fixed: Option<usize>,
}

const fn limited(limit: usize, action: Action) -> Level {
    Level {
        limit: Some((limit, action)),
        ..Level::FREE
    }
}

fn condition(
    name: &'static str,
    jobs: usize,
    delay: f64,
    best: f64,
    max: Range,
    mean: Range,
) -> Condition {
    let mut scenario = Scenario::new(name, name, jobs, delay);
    scenario.sigma = 0.0;
    scenario.vector = Some(Model {
        in_flight: Level::FREE,
        rate: Level::FREE,
        jitter: 0.0,
    });
    Condition {
        scenario,
        best,
        in_flight: Asserted { max, mean },
        fixed: None,
    }
}

impl Condition {
    fn model(mut self, change: impl FnOnce(&mut Model)) -> Self {
        self.scenario.vector.as_mut().map(change);
        self
    }

    fn every(mut self, seconds: f64) -> Self {
        let trickle = self.scenario.jobs;
        self.scenario.arrivals = Arrivals::TrickleThenBurst {
            trickle,
            every: seconds,
        };
        self
    }

    /// The client that is given the limit.
    pub fn given(&self) -> Kind {
        clients::FIXED_AT_10
    }

    fn fixed(mut self, limit: usize) -> Self {
        self.fixed = Some(limit);
        self
    }
}

/// All twelve.
pub fn all() -> Vec<Condition> {
    use Action::{Defer, Drop};
    vec![
        condition("constant-link", 500, 0.1, 0.1, (30.0, 31.0), (15.0, 16.0)),
        condition(
            "defers-at-high-concurrency",
            500,
            0.1,
            10.0,
            (5.0, 18.0),
            (2.2, 5.0),
        )
        .model(|model| model.in_flight = limited(5, Defer)),
        condition(
            "defers-at-high-rate",
            1000,
            0.1,
            9.1,
            (16.0, 24.0),
            (6.0, 9.0),
        )
        .model(|model| model.rate = limited(100, Defer)),
        condition(
            "drops-at-high-concurrency",
            500,
            0.1,
            10.0,
            (4.0, 5.0),
            (3.0, 4.0),
        )
        .model(|model| model.in_flight = limited(5, Drop)),
        condition(
            "fixed-concurrency-jitter",
            500,
            0.1,
            7.5,
            (10.0, 10.0),
            (8.0, 10.0),
        )
        .model(|model| model.jitter = 0.5)
        .fixed(10),
        condition(
            "fixed-concurrency-simple",
            500,
            0.1,
            5.0,
            (10.0, 10.0),
            (8.0, 10.0),
        )
        .fixed(10),
        condition(
            "jittery-link-small",
            1000,
            0.1,
            0.1,
            (20.0, 40.0),
            (8.0, 20.0),
        )
        .model(|model| model.jitter = 0.1),
        condition("medium-send", 500, 0.1, 12.575, (8.0, 8.0), (4.0, 4.5)).every(0.025),
        condition("shallow-knee", 1000, 0.1, 10.0, (12.0, 12.0), (9.0, 11.0))
            .model(|model| model.in_flight.knee = Some((10.0, 1.1))),
        condition("slow-link", 200, 0.1, 20.0, (2.0, 7.0), (1.5, 5.0))
            .model(|model| model.in_flight.scale = 1.0),
        condition("slow-send-1", 100, 0.05, 9.95, (1.0, 1.0), (0.5, 0.55)).every(0.1),
        condition("slow-send-2", 100, 0.05, 5.0, (1.0, 2.0), (1.0, 1.2)).every(0.05),
    ]
}
