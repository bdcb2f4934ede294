//! An API, and how it treats requests: plain arithmetic, told the time in seconds.

use fastrand::Rng;
use http::HeaderMap;

use crate::hints::{self, Exactness, Moment, Style};
use crate::limits::{Cost, Limits, Refusal, Rule};

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

/// What an API limits, what it tells, and what else is wrong with it.
#[derive(Clone, Debug)]
pub struct Api {
    /// A request needs the consent of each.
    pub rules: Vec<Rule>,
    /// With more than this in flight, each takes longer in proportion.
    pub knee: Option<f64>,
    /// All is 503 between these.
    pub outage: Option<(f64, f64)>,
    /// The status that refuses what is over a rate.
    pub status: u16,
    pub random: Option<Random>,
    /// Whether output is counted when an answer ends, and not when its request comes.
    pub output_late: bool,
    pub hints: Style,
    pub exactness: Exactness,
}

/// No limit, and nothing wrong.
impl Default for Api {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            knee: None,
            outage: None,
            status: 429,
            random: None,
            output_late: false,
            hints: Style::None,
            exactness: Exactness::Right,
        }
    }
}

impl Api {
    /// An API with one limit.
    pub fn with(rule: Rule) -> Self {
        Self {
            rules: vec![rule],
            ..Self::default()
        }
    }

    /// How many times as long work takes with `in_flight` requests at once.
    pub fn slowdown(&self, in_flight: usize) -> f64 {
        self.knee
            .map_or(1.0, |knee| (in_flight as f64 / knee).max(1.0))
    }

    /// When an outage ends that goes on now.
    pub fn out_until(&self, now: f64) -> Option<f64> {
        let (from, to) = self.outage?;
        (from..to).contains(&now).then_some(to)
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refused {
    pub status: u16,
    /// Seconds after which the request would be taken, where time alone brings that about.
    pub wait: Option<f64>,
    /// A `Retry-After` that the limits have nothing to do with.
    pub retry_after: Option<f64>,
    /// Whether the reason is one that no client can help.
    pub disturbed: bool,
}

impl Refused {
    /// A refusal for a reason that no client can help.
    pub fn disturbed(status: u16) -> Self {
        Self {
            status,
            wait: None,
            retry_after: None,
            disturbed: true,
        }
    }
}

/// An API at work.
#[derive(Clone, Debug)]
pub struct Simulated {
    api: Api,
    limits: Limits,
    /// How many came outside an outage.
    attempts: usize,
}

impl Simulated {
    /// One that nobody has called yet.
    pub fn new(api: Api) -> Self {
        Self {
            limits: Limits::new(&api.rules),
            api,
            attempts: 0,
        }
    }

    /// Takes a request in, or refuses it. `in_flight` does not include it.
    ///
    /// Returns how many times as long as on an idle server its work takes.
    pub fn admit(
        &mut self,
        now: f64,
        cost: impl Into<Cost>,
        in_flight: usize,
        luck: &mut Rng,
    ) -> Result<f64, Refused> {
        if let Some(disturbed) = self.disturb(now, luck) {
            return Err(disturbed);
        }
        let mut cost = cost.into();
        if self.api.output_late {
            cost.output = 0;
        }
        match self.limits.admit(now, cost, in_flight) {
            Ok(()) => Ok(self.api.slowdown(in_flight + 1)),
            Err(refusal) => Err(self.over_a_limit(refusal)),
        }
    }

    /// Counts what could not be counted when a request came that cost this: its answer has ended.
    pub fn end(&mut self, now: f64, cost: Cost) {
        if self.api.output_late {
            self.limits.count_output(now, cost.output);
        }
    }

    /// Refuses a request for a reason that no client can help.
    fn disturb(&mut self, now: f64, luck: &mut Rng) -> Option<Refused> {
        if self.api.out_until(now).is_some() {
            return Some(Refused::disturbed(503));
        }
        self.attempts += 1;
        let (luck, attempt) = (luck.f64(), self.attempts);
        let is_hit = |random: &Random| match random.which {
            Which::Share(share) => luck < share,
            Which::Every(nth) => attempt % nth == 0,
            Which::Only(number) => attempt == number,
        };
        let random = self.api.random.filter(is_hit)?;
        Some(Refused {
            retry_after: random.retry_after,
            ..Refused::disturbed(random.status)
        })
    }

    fn over_a_limit(&self, refusal: Refusal) -> Refused {
        Refused {
            status: if refusal.status == 429 {
                self.api.status
            } else {
                refusal.status
            },
            // A server that always asks for the same knows nothing of the true wait.
            wait: match self.api.exactness {
                Exactness::Always(seconds) => Some(seconds),
                _ => refusal.wait,
            },
            retry_after: None,
            disturbed: false,
        }
    }

    /// The headers of an answer that is given `now`.
    pub fn headers(&mut self, now: f64, refused: Option<&Refused>) -> HeaderMap {
        let quotas = self.limits.quotas(now);
        let wait = refused.map(|refused| refused.wait);
        let (style, exactness) = (self.api.hints, self.api.exactness);
        let mut headers = hints::headers(style, exactness, Moment::of_run(now), &quotas, wait);
        if let Some(seconds) = refused.and_then(|refused| refused.retry_after) {
            hints::retry_after(&mut headers, seconds);
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedule;

    fn admit(server: &mut Simulated, now: f64, in_flight: usize) -> Result<f64, Refused> {
        server.admit(now, 1, in_flight, &mut Rng::with_seed(1))
    }

    fn one_place() -> Api {
        Api::with(Rule::in_flight(Schedule::always(1.0)))
    }

    #[test]
    fn an_outage_refuses_all_and_is_no_limit_of_the_clients() {
        let outage = Some((0.0, 10.0));
        let mut server = Simulated::new(Api {
            outage,
            ..one_place()
        });
        assert_eq!(admit(&mut server, 9.0, 0), Err(Refused::disturbed(503)));
        assert_eq!(admit(&mut server, 10.0, 0), Ok(1.0));
    }

    #[test]
    fn a_knee_makes_all_slower() {
        let mut server = Simulated::new(Api {
            knee: Some(1.0),
            ..Api::default()
        });
        assert_eq!(admit(&mut server, 0.0, 0), Ok(1.0));
        assert_eq!(admit(&mut server, 0.0, 1), Ok(2.0));
    }

    #[test]
    fn a_refusal_by_a_bucket_says_when_to_come_back() {
        let mut server = Simulated::new(Api {
            hints: Style::RetryAfter,
            status: 503,
            ..Api::with(Rule::bucket(6.0, 1.0))
        });
        assert_eq!(admit(&mut server, 0.0, 0), Ok(1.0));
        let refused = admit(&mut server, 1.0, 0).expect_err("empty");
        assert_eq!((refused.status, refused.disturbed), (503, false));
        assert_eq!(server.headers(1.0, Some(&refused))["retry-after"], "9");
    }

    #[test]
    fn some_ask_for_a_wait_of_which_they_know_nothing() {
        let mut server = Simulated::new(Api {
            hints: Style::RetryAfter,
            exactness: Exactness::Always(1.0),
            ..one_place()
        });
        let refused = admit(&mut server, 0.0, 1).expect_err("full");
        assert_eq!(server.headers(0.0, Some(&refused))["retry-after"], "1");
    }

    #[test]
    fn some_are_refused_whatever_the_load() {
        let mut random = Random::of(0.0, 429);
        (random.which, random.retry_after) = (Which::Every(2), Some(1.0));
        let mut server = Simulated::new(Api {
            random: Some(random),
            ..one_place()
        });
        assert!(admit(&mut server, 0.0, 0).is_ok());
        let refused = admit(&mut server, 0.0, 0).expect_err("every second");
        assert!(refused.disturbed);
        assert_eq!(server.headers(0.0, Some(&refused))["retry-after"], "1");
    }
}
