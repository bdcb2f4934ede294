//! Vector's server model, from its published test driver's description.

use std::collections::VecDeque;

/// What happens to a request above a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A refusal that takes as long as an answer.
    Defer,
    /// No answer: the client's own timeout ends it.
    Drop,
}

/// How a level (requests in flight, or requests in the last second) slows the server, and from
/// where on it takes no more.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub scale: f64,
    pub knee: Option<(f64, f64)>,
    pub limit: Option<(usize, Action)>,
}

impl Level {
    /// A level that changes nothing.
    pub const FREE: Self = Self {
        scale: 0.0,
        knee: None,
        limit: None,
    };

    fn slowdown(&self, level: usize) -> f64 {
        let level = level as f64;
        let knee = self
            .knee
            .map_or(0.0, |(start, exp)| exp.powf((level - start).max(0.0)) - 1.0);
        self.scale * (level - 1.0) + knee
    }

    fn refuses(&self, level: usize) -> Option<Action> {
        self.limit
            .filter(|(limit, _)| level > *limit)
            .map(|(_, action)| action)
    }
}

/// The model's parameters.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    pub in_flight: Level,
    pub rate: Level,
}

/// The client's own timeout, in seconds.
pub const TIMEOUT: f64 = 1.0;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    /// Seconds until the client has an answer, or runs out of patience.
    pub after: f64,
    pub status: u16,
    /// Whether it is in flight until then.
    pub held: bool,
}

impl Model {
    /// What becomes of a request whose work takes `base` seconds; both levels include it.
    pub fn draw(&self, base: f64, delay: f64, in_flight: usize, rate: usize) -> Drawn {
        let action = self
            .in_flight
            .refuses(in_flight)
            .or_else(|| self.rate.refuses(rate));
        match action {
            Some(Action::Defer) => Drawn {
                after: base,
                status: 503,
                held: true,
            },
            Some(Action::Drop) => Drawn {
                after: TIMEOUT,
                status: 408,
                held: false,
            },
            None => {
                let slowdown = self.in_flight.slowdown(in_flight) + self.rate.slowdown(rate);
                let after = base + delay * slowdown;
                if after > TIMEOUT {
                    Drawn {
                        after: TIMEOUT,
                        status: 408,
                        held: true,
                    }
                } else {
                    Drawn {
                        after,
                        status: 200,
                        held: true,
                    }
                }
            }
        }
    }
}

/// The calls of the last second, refused ones included.
#[derive(Clone, Debug, Default)]
pub struct LastSecond(VecDeque<f64>);

impl LastSecond {
    /// Counts a call and gives how many there were.
    pub fn count(&mut self, now: f64) -> usize {
        self.0.push_back(now);
        while self.0.front().is_some_and(|at| at + 1.0 <= now) {
            self.0.pop_front();
        }
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Model = Model {
        in_flight: Level::FREE,
        rate: Level::FREE,
    };

    #[test]
    fn a_free_server_takes_its_delay() {
        let drawn = FREE.draw(0.1, 0.1, 100, 1000);
        assert_eq!(
            drawn,
            Drawn {
                after: 0.1,
                status: 200,
                held: true
            }
        );
    }

    #[test]
    fn a_scale_adds_a_delay_for_each_other_request() {
        let in_flight = Level {
            scale: 1.0,
            ..Level::FREE
        };
        let model = Model { in_flight, ..FREE };
        assert_eq!(model.draw(0.1, 0.1, 4, 1).after, 0.4);
        assert_eq!(model.draw(0.1, 0.1, 12, 1).status, 408);
    }

    #[test]
    fn deferring_takes_as_long_as_serving_and_dropping_as_long_as_patience() {
        let with = |action| {
            let in_flight = Level {
                limit: Some((5, action)),
                ..Level::FREE
            };
            Model { in_flight, ..FREE }.draw(0.1, 0.1, 6, 1)
        };
        assert_eq!(
            with(Action::Defer),
            Drawn {
                after: 0.1,
                status: 503,
                held: true
            }
        );
        assert_eq!(
            with(Action::Drop),
            Drawn {
                after: TIMEOUT,
                status: 408,
                held: false
            }
        );
    }
}
