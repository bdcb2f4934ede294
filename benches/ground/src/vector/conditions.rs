//! The twelve conditions of Vector's test suite, and the ranges it asserts of its own controller.

use sim::work::Arrivals;

use crate::clients::{self, Kind};
use crate::scenario::Scenario;

use super::model::{Action, Level, Model};

/// A closed range.
pub type Range = (f64, f64);

/// What Vector asserts of how something was distributed over time: the most and the mean.
pub type Asserted = (Option<Range>, Option<Range>);

/// A condition.
#[derive(Clone, Debug)]
pub struct Condition {
    pub scenario: Scenario,
    /// Seconds that the best possible client needs.
    pub best: f64,
    /// In flight at the server.
    pub in_flight: Asserted,
    /// Calls in the last second.
    pub rate: Asserted,
    /// The limit believed.
    pub limit: Asserted,
    /// The client that is given a limit, where none is learned.
    pub given: Option<Kind>,
}

const fn limited(limit: usize, action: Action) -> Level {
    Level {
        limit: Some((limit, action)),
        ..Level::FREE
    }
}

fn condition(name: &'static str, jobs: usize, delay: f64, best: f64) -> Condition {
    let mut scenario = Scenario::new(name, name, jobs, delay);
    scenario.work.sigma = 0.0;
    scenario.vector = Some(Model {
        in_flight: Level::FREE,
        rate: Level::FREE,
    });
    let nothing = (None, None);
    Condition {
        scenario,
        best,
        in_flight: nothing,
        rate: nothing,
        limit: nothing,
        given: None,
    }
}

impl Condition {
    fn model(mut self, change: impl FnOnce(&mut Model)) -> Self {
        self.scenario.vector.as_mut().map(change);
        self
    }

    fn jitter(mut self, jitter: f64) -> Self {
        self.scenario.work.jitter = jitter;
        self
    }

    fn every(mut self, seconds: f64) -> Self {
        let trickle = self.scenario.work.jobs;
        self.scenario.work.arrivals = Arrivals::TrickleThenBurst {
            trickle,
            every: seconds,
        };
        self
    }

    fn given_10(mut self) -> Self {
        self.given = Some(clients::FIXED_AT_10);
        self.limit((10.0, 10.0), (10.0, 10.0))
    }

    fn in_flight(mut self, most: Range, mean: Range) -> Self {
        self.in_flight = (Some(most), Some(mean));
        self
    }

    fn rate(mut self, most: Range, mean: Range) -> Self {
        self.rate = (Some(most), Some(mean));
        self
    }

    fn limit(mut self, most: Range, mean: Range) -> Self {
        self.limit = (Some(most), Some(mean));
        self
    }

    fn mean_limit(mut self, mean: Range) -> Self {
        self.limit.1 = Some(mean);
        self
    }
}

/// All twelve.
pub fn all() -> Vec<Condition> {
    use Action::{Defer, Drop};
    vec![
        condition("constant-link", 500, 0.1, 0.1)
            .in_flight((30.0, 31.0), (15.0, 16.0))
            .limit((22.0, 32.0), (16.0, 18.0)),
        condition("defers-at-high-concurrency", 500, 0.1, 10.0)
            .model(|model| model.in_flight = limited(5, Defer))
            .in_flight((5.0, 18.0), (2.2, 5.0))
            .rate((52.0, 63.0), (20.0, 44.0))
            .limit((6.0, 41.0), (4.0, 29.0)),
        condition("defers-at-high-rate", 1000, 0.1, 9.1)
            .model(|model| model.rate = limited(100, Defer))
            .in_flight((16.0, 24.0), (6.0, 9.0))
            .rate((90.0, 123.0), (31.0, 75.0))
            .limit((16.0, 24.0), (8.0, 18.5)),
        condition("drops-at-high-concurrency", 500, 0.1, 10.0)
            .model(|model| model.in_flight = limited(5, Drop))
            .in_flight((4.0, 5.0), (3.0, 4.0))
            .rate((55.0, 90.0), (31.0, 54.0))
            .limit((10.0, 86.0), (7.0, 52.0)),
        condition("fixed-concurrency-jitter", 500, 0.1, 7.5)
            .jitter(0.5)
            .given_10()
            .in_flight((10.0, 10.0), (8.0, 10.0))
            .rate((65.0, 84.0), (55.0, 66.0)),
        condition("fixed-concurrency-simple", 500, 0.1, 5.0)
            .given_10()
            .in_flight((10.0, 10.0), (8.0, 10.0))
            .rate((90.0, 90.0), (80.0, 85.0)),
        condition("jittery-link-small", 1000, 0.1, 0.1)
            .jitter(0.1)
            .in_flight((20.0, 40.0), (8.0, 20.0))
            .rate((165.0, 350.0), (70.0, 150.0))
            .limit((20.0, 40.0), (9.0, 20.0)),
        condition("medium-send", 500, 0.1, 12.575)
            .every(0.025)
            .in_flight((8.0, 8.0), (4.0, 4.5)),
        condition("shallow-knee", 1000, 0.1, 10.0)
            .model(|model| model.in_flight.knee = Some((10.0, 1.1)))
            .in_flight((12.0, 12.0), (9.0, 11.0))
            .rate((103.0, 108.0), (87.0, 89.0))
            .limit((12.0, 12.0), (10.0, 12.0)),
        condition("slow-link", 200, 0.1, 20.0)
            .model(|model| model.in_flight.scale = 1.0)
            .in_flight((2.0, 7.0), (1.5, 5.0))
            .mean_limit((1.7, 5.0)),
        condition("slow-send-1", 100, 0.05, 9.95)
            .every(0.1)
            .in_flight((1.0, 1.0), (0.5, 0.55))
            .mean_limit((1.0, 2.0)),
        condition("slow-send-2", 100, 0.05, 5.0)
            .every(0.05)
            .in_flight((1.0, 2.0), (1.0, 1.2))
            .mean_limit((2.0, 2.5)),
    ]
}
