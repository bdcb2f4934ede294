//! The simulated servers.

use fastrand::Rng;
use http::HeaderMap;
use sim::api::{Api, Random, Refused};
use sim::hints::Exactness;
use sim::limits::Rule;
use sim::schedule::Schedule;
use sim::{Simulated, work};

pub(crate) use sim::hints::Style as Hints;

/// What a server is like.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) api: Api,
    /// The mean latency and the spread of its logarithm.
    pub(crate) latency: f64,
    pub(crate) sigma: f64,
}

impl Server {
    pub(crate) fn new(rule: Rule) -> Self {
        Self {
            api: Api::with(rule),
            latency: 0.1,
            sigma: 0.4,
        }
    }

    /// Requests at one time: the limit from each moment on.
    pub(crate) fn in_flight(steps: &[(f64, f64)]) -> Self {
        let mut server = Self::new(Rule::in_flight(Schedule::steps(steps)));
        // Such a server cannot know when one of the others ends, and some say a second.
        server.api.exactness = Exactness::Always(1.0);
        server
    }

    /// A token bucket: its requests per second, and the most that it holds.
    pub(crate) fn bucket(rate: f64, depth: f64) -> Self {
        Self::new(Rule::bucket(60.0 * rate, depth))
    }

    /// A number in each period, counted from zero when it begins.
    pub(crate) fn window(limit: f64, period: f64) -> Self {
        Self::new(Rule::window(Schedule::always(limit), period))
    }

    /// Tells its limit in this way.
    pub(crate) fn hints(mut self, hints: Hints) -> Self {
        self.api.hints = hints;
        self
    }

    /// Refuses everything with a 503 between two moments.
    pub(crate) fn outage(mut self, from: f64, to: f64) -> Self {
        self.api.outage = Some((from, to));
        self
    }

    /// Refuses a share of all requests at random, with a 529.
    pub(crate) fn overloaded(mut self, share: f64) -> Self {
        self.api.random = Some(Random::of(share, 529));
        self
    }
}

/// A server at work.
#[derive(Debug)]
pub(crate) struct AtWork {
    api: Simulated,
    latency: f64,
    sigma: f64,
    pub(crate) in_flight: usize,
}

impl AtWork {
    pub(crate) fn new(server: Server) -> Self {
        Self {
            api: Simulated::new(server.api),
            latency: server.latency,
            sigma: server.sigma,
            in_flight: 0,
        }
    }

    /// Accepts a request, for a number of seconds, or refuses it.
    pub(crate) fn admit(&mut self, now: f64, random: &mut Rng) -> Result<f64, Refused> {
        let slowdown = self.api.admit(now, 1, self.in_flight, random)?;
        self.in_flight += 1;
        Ok(work::log_normal(random, self.latency, self.sigma) * slowdown)
    }

    /// The headers of the answer to a request that was decided on just now.
    pub(crate) fn headers(&mut self, now: f64, refused: Option<&Refused>) -> HeaderMap {
        self.api.headers(now, refused)
    }
}
