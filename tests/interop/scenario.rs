//! A limiter, how it is set up, and what is expected of the client.

use std::time::Duration;

use crate::client;
use crate::process::Result;
use crate::servers::Server;
use crate::tokens::{Job, POST};

/// How many requests each run sends.
pub(crate) const JOBS: usize = 300;
/// The longest that a run may take, so that a hang ends.
const HANG: Duration = Duration::from_secs(180);

/// What a limiter allows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Allows {
    /// Requests at once.
    AtOnce(usize),
    /// `first` requests immediately, and then `per_second`.
    Bucket { first: usize, per_second: f64 },
    /// `limit` requests in each window, which opens with a request.
    Window { limit: usize, every: Duration },
    /// `limit` requests in this window and in that part of the last one which is less than a window's length
    /// ago, as if the requests of the last one had come evenly.
    Sliding { limit: usize, every: Duration },
}

impl Allows {
    /// The least time in which `jobs` requests that take `latency` each can be answered.
    fn best(self, jobs: usize, latency: Duration) -> Duration {
        let jobs_per = |limit: usize| jobs as f64 / limit as f64;
        match self {
            Self::AtOnce(places) => latency.mul_f64(jobs_per(places)),
            Self::Bucket { first, per_second } => {
                let wait = jobs.saturating_sub(first) as f64 / per_second;
                Duration::from_secs_f64(wait) + latency
            }
            Self::Window { limit, every } => every.mul_f64(jobs_per(limit).ceil() - 1.0) + latency,
            Self::Sliding { limit, every } => every.mul_f64(jobs_per(limit)) + latency,
        }
    }
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) server: Server,
    /// How long a request takes once it is let in, on average.
    latency: Duration,
    allows: Allows,
    hints: bool,
    clients: usize,
    job: Job,
    beyond: Option<&'static str>,
}

impl Scenario {
    pub(crate) fn new(name: &str, server: Server, latency: u64, allows: Allows) -> Self {
        Self {
            name: format!("{} @{latency}ms", name.trim_end()),
            server,
            latency: Duration::from_millis(latency),
            allows,
            hints: false,
            clients: 1,
            job: POST,
            beyond: None,
        }
    }

    /// Whether the answers tell of the limit.
    pub(crate) fn hints(self, hints: bool) -> Self {
        Self { hints, ..self }
    }

    /// Requests of another kind.
    pub(crate) fn job(self, job: Job) -> Self {
        Self { job, ..self }
    }

    /// By clients of their own, which share the requests and know nothing of each other.
    pub(crate) fn clients(self, clients: usize) -> Self {
        let name = format!("{}, {clients} clients", self.name);
        Self {
            name,
            clients,
            ..self
        }
    }

    /// Why the bounds are not kept here. It is run and shown all the same, and nothing may fail.
    pub(crate) fn beyond(self, why: &'static str) -> Self {
        Self {
            beyond: Some(why),
            ..self
        }
    }

    /// The least time in which all requests can be answered.
    pub(crate) fn best(&self) -> Duration {
        self.allows.best(JOBS, self.latency)
    }

    pub(crate) async fn run(&self) -> Result<Row> {
        let server = self.server.start(self.latency).await?;
        let sending = client::send(&self.name, server.address, self.job, JOBS, self.clients);
        let sent = tokio::time::timeout(HANG, sending)
            .await
            .map_err(|_| format!("not done after {HANG:?}"))?;
        Ok(Row {
            name: self.name.clone(),
            hints: self.hints,
            beyond: self.beyond,
            failed: JOBS - sent.done,
            refused: sent.refused,
            elapsed: sent.elapsed,
            best: self.best(),
        })
    }
}

/// How a run went.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) hints: bool,
    pub(crate) beyond: Option<&'static str>,
    pub(crate) failed: usize,
    pub(crate) refused: u32,
    pub(crate) elapsed: Duration,
    pub(crate) best: Duration,
}

impl Row {
    /// Refusals, in percent of the requests.
    pub(crate) fn percent(&self) -> f64 {
        f64::from(self.refused) * 100.0 / JOBS as f64
    }

    pub(crate) fn ratio(&self) -> f64 {
        self.elapsed.as_secs_f64() / self.best.as_secs_f64()
    }

    /// Whether refusals and time are within the bounds.
    pub(crate) fn holds(&self) -> bool {
        self.within(1.0)
    }

    /// Whether refusals, and time beyond the best, are at most `times` their bounds.
    fn within(&self, times: f64) -> bool {
        let most = if self.hints { 1.5 } else { 4.0 };
        self.percent() <= most * times && self.ratio() <= 1.0 + 0.15 * times
    }

    /// Whether bounds that are `slack` times as wide are missed, and that is not expected.
    pub(crate) fn is_beyond(&self, slack: f64) -> bool {
        !self.within(slack) && self.beyond.is_none()
    }

    /// What is wrong with this run, if anything is, with bounds that are `slack` times as wide.
    pub(crate) fn fault(&self, slack: f64) -> Option<&'static str> {
        if self.failed > 0 {
            Some("requests failed")
        } else if self.ratio() < 0.95 {
            Some("quicker than allowed: the limiter was not at work")
        } else if self.is_beyond(slack) {
            Some("out of bounds")
        } else {
            None
        }
    }
}
