//! The simulated API: plain arithmetic, told the time in seconds.

use http::{HeaderMap, HeaderName};

/// What the server limits.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    /// Requests at one time: the limit from each moment on.
    InFlight(Vec<(f64, usize)>),
    /// A token bucket: its requests per second, and the most that it holds.
    Bucket { rate: f64, depth: f64 },
    /// A number in each period, counted from zero when it begins.
    Window { limit: f64, period: f64 },
}

/// What the server tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hints {
    None,
    /// `Retry-After` with refusals.
    RetryAfter,
    /// `RateLimit` with every answer.
    Ietf,
    /// `x-ratelimit-*` with every answer; the reset is the time until the bucket is full.
    OpenAi,
}

#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) rule: Rule,
    pub(crate) hints: Hints,
    /// The mean latency and the spread of its logarithm.
    pub(crate) latency: f64,
    pub(crate) sigma: f64,
    /// Above this many in flight, latency grows in proportion.
    pub(crate) knee: f64,
    /// Refuses everything with a 503 between these moments.
    pub(crate) outage: (f64, f64),
    /// The status that refuses what is over a limit.
    pub(crate) status: u16,
    /// Of all requests, this share is refused at random with a 529.
    pub(crate) overloaded: f64,
    pub(crate) in_flight: usize,
    /// What is left of a bucket or window, and as of when.
    pub(crate) left: f64,
    pub(crate) counted_at: f64,
}

/// A refusal: the status, and the seconds after which the request would be taken, if time alone
/// brings that about.
pub(crate) type Refusal = (u16, Option<f64>);

impl Server {
    pub(crate) fn new(rule: Rule) -> Self {
        let left = match rule {
            Rule::InFlight(_) => 0.0,
            Rule::Bucket { depth, .. } => depth,
            Rule::Window { limit, .. } => limit,
        };
        Self {
            rule,
            hints: Hints::None,
            latency: 0.1,
            sigma: 0.4,
            knee: f64::INFINITY,
            outage: (0.0, 0.0),
            status: 429,
            overloaded: 0.0,
            in_flight: 0,
            left,
            counted_at: 0.0,
        }
    }

    /// Accepts a request, for a number of seconds, or refuses it.
    pub(crate) fn admit(&mut self, now: f64, random: &mut fastrand::Rng) -> Result<f64, Refusal> {
        if (self.outage.0..self.outage.1).contains(&now) {
            return Err((503, None));
        }
        if random.f64() < self.overloaded {
            return Err((529, None));
        }
        self.count(now);
        match &self.rule {
            Rule::InFlight(steps) => {
                let step = steps.iter().rfind(|step| step.0 <= now);
                if self.in_flight >= step.map_or(0, |step| step.1) {
                    // Such a server cannot know when one of the others ends, and some say a second.
                    return Err((self.status, Some(1.0)));
                }
            }
            Rule::Bucket { rate, .. } if self.left < 1.0 - 1e-6 => {
                return Err((self.status, Some((1.0 - self.left) / rate)));
            }
            Rule::Window { period, .. } if self.left < 1.0 => {
                return Err((self.status, Some(self.counted_at + period - now)));
            }
            _ => self.left -= 1.0,
        }
        self.in_flight += 1;
        // Box and Muller's normal variate.
        let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * random.f64()).cos();
        let spread = (self.sigma * normal - self.sigma * self.sigma / 2.0).exp();
        Ok(self.latency * spread * (self.in_flight as f64 / self.knee).max(1.0))
    }

    fn count(&mut self, now: f64) {
        match self.rule {
            Rule::InFlight(_) => {}
            Rule::Bucket { rate, depth } => {
                self.left = (self.left + rate * (now - self.counted_at)).min(depth);
                self.counted_at = now;
            }
            Rule::Window { limit, period } => {
                let began = (now / period + 1e-9).floor() * period;
                if began > self.counted_at {
                    (self.left, self.counted_at) = (limit, began);
                }
            }
        }
    }

    /// The headers of the answer to a request that was decided on just now.
    pub(crate) fn headers(&self, now: f64, refusal: Option<Refusal>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: String| {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap())
        };
        if let (Some((_, Some(wait))), true) = (refusal, self.hints != Hints::None) {
            set("retry-after", wait.ceil().to_string());
        }
        let left = self.left.max(0.0).floor();
        match (self.hints, &self.rule) {
            (Hints::Ietf, Rule::Window { limit, period }) => {
                let reset = (self.counted_at + period - now).ceil();
                set("ratelimit-policy", format!("\"api\";q={limit};w={period}"));
                set("ratelimit", format!("\"api\";r={left};t={reset}"));
            }
            (Hints::OpenAi, Rule::Bucket { rate, depth }) => {
                let reset = ((depth - self.left) / rate * 1000.0).ceil();
                set("x-ratelimit-limit-requests", depth.to_string());
                set("x-ratelimit-remaining-requests", left.to_string());
                set("x-ratelimit-reset-requests", format!("{reset}ms"));
            }
            _ => {}
        }
        headers
    }
}
