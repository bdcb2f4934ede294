//! A limiter, how it is set up, and what is expected of the client.

use std::time::Duration;

use crate::client;
use crate::process::Result;
use crate::servers::Server;

/// How many requests each run sends.
const JOBS: usize = 300;
/// How long a run may take at the most, so that a hang ends.
const HANG: Duration = Duration::from_secs(180);

/// What a limiter allows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Allows {
    /// So many at once.
    AtOnce(usize),
    /// So many immediately, and then so many per second.
    Bucket { first: usize, per_second: f64 },
    /// So many in each window, which opens with a request.
    Window { limit: usize, every: Duration },
}

impl Allows {
    /// The least time in which `jobs` requests that take `latency` each can be answered.
    fn best(self, jobs: usize, latency: Duration) -> Duration {
        match self {
            Self::AtOnce(places) => latency * jobs.div_ceil(places) as u32,
            Self::Bucket { first, per_second } => {
                let wait = jobs.saturating_sub(first) as f64 / per_second;
                Duration::from_secs_f64(wait) + latency
            }
            Self::Window { limit, every } => every * (jobs.div_ceil(limit) - 1) as u32 + latency,
        }
    }
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) server: Server,
    /// How long a request takes once it is let in.
    pub(crate) latency: Duration,
    pub(crate) allows: Allows,
    /// Whether its answers tell of the limit.
    pub(crate) hints: bool,
}

/// How a run went.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) latency: Duration,
    pub(crate) hints: bool,
    pub(crate) failed: usize,
    pub(crate) refused: u32,
    pub(crate) elapsed: Duration,
    pub(crate) best: Duration,
}

impl Row {
    pub(crate) fn percent(&self) -> f64 {
        f64::from(self.refused) * 100.0 / JOBS as f64
    }

    pub(crate) fn ratio(&self) -> f64 {
        self.elapsed.as_secs_f64() / self.best.as_secs_f64()
    }

    /// The most that may be refused, in percent.
    pub(crate) fn bound(&self) -> f64 {
        if self.hints { 1.5 } else { 4.0 }
    }

    pub(crate) fn missed(&self) -> bool {
        // Quicker than can be: the limiter did not limit.
        let possible = 0.95..=1.15;
        self.failed > 0 || self.percent() > self.bound() || !possible.contains(&self.ratio())
    }
}

impl Scenario {
    pub(crate) async fn run(&self) -> Result<Row> {
        let server = self.server.start(self.latency).await?;
        let sending = client::send(server.address, JOBS);
        let outcome = tokio::time::timeout(HANG, sending)
            .await
            .map_err(|_| format!("not done after {HANG:?}"))?;
        if std::env::var_os("INTEROP_TRACE").is_some() {
            for (at, s) in &outcome.trace {
                eprintln!(
                    "{} {:8.3} limit {} rate {:.1} in_flight {} waiting {} pause {:.2} ok {} refused {}",
                    self.name,
                    at.as_secs_f64(),
                    s.limit,
                    s.rate.unwrap_or(f64::INFINITY),
                    s.in_flight,
                    s.waiting,
                    s.pause_remaining.unwrap_or_default().as_secs_f64(),
                    s.accepted,
                    s.refused
                );
            }
        }
        Ok(Row {
            name: self.name.clone(),
            latency: self.latency,
            hints: self.hints,
            failed: outcome.failed,
            refused: outcome.refused,
            elapsed: outcome.elapsed,
            best: self.allows.best(JOBS, self.latency),
        })
    }
}
