//! Whether and when one request is sent again.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::backoff::above;
use super::idempotency;
use super::pause::{Progress, Shared, later, spread};
use super::policy::Config;
use crate::message::ReplayRequest;

/// The longest wait of its own that a request behind a gate adds: attempts are cheap there, as the
/// gate paces them, and whoever waits longer finds itself behind those that came later.
const GOVERNED_MAX: Duration = Duration::from_secs(2);

/// How one request has fared so far.
pub(super) struct Course {
    pub(super) attempts: u32,
    /// When the request was made: read only if there is a bound that counts from it.
    started: Option<Instant>,
    /// Boxed, as most requests meet none, and every one is moved about.
    setbacks: Option<Box<Setbacks>>,
}

/// What is noted from the first setback on.
struct Setbacks {
    /// Since when nothing was accepted, as far as this request knows.
    since: Instant,
    progress: Progress,
    rng: Rng,
    /// The last wait drawn.
    previous: Duration,
}

/// What came of an attempt that is to be made again.
#[derive(Clone, Copy)]
pub(super) struct Setback {
    pub(super) at: Instant,
    /// What the server asked for.
    pub(super) wait: Option<Duration>,
    /// Whether a gate below looks after the shared pause.
    pub(super) governed: bool,
}

impl Course {
    #[inline]
    pub(super) fn begin(config: &Config) -> Self {
        Self {
            attempts: 1,
            started: config.max_elapsed.map(|_| Instant::now()),
            setbacks: None,
        }
    }

    /// The last moment at which an attempt may begin.
    pub(super) fn deadline(&self, config: &Config) -> Option<Instant> {
        Some(later(self.started?, config.max_elapsed?))
    }

    /// When to send again, if any bound still allows it.
    pub(super) fn plan(
        &mut self,
        setback: Setback,
        config: &Config,
        shared: &Shared,
    ) -> Option<Instant> {
        let noted = self
            .setbacks
            .get_or_insert_with(|| Setbacks::begin(setback.at, shared));
        let outlasted = noted.outlast(setback.at, config, shared);
        if outlasted || self.attempts >= config.max_attempts {
            return None;
        }
        let mut until = later(setback.at, noted.draw(setback, self.attempts, config));
        if let Some(pause) = shared.paused_until().filter(|pause| *pause > until) {
            until = spread(pause, setback.at);
        }
        if self
            .deadline(config)
            .is_some_and(|deadline| until > deadline)
        {
            return None;
        }
        let in_budget = config
            .budget
            .as_ref()
            .is_none_or(|budget| budget.withdraw(setback.at));
        in_budget.then_some(until)
    }
}

impl Setbacks {
    fn begin(at: Instant, shared: &Shared) -> Box<Self> {
        let (progress, rng) = (shared.refused(), Rng::new());
        Box::new(Self {
            since: at,
            progress,
            rng,
            previous: Duration::ZERO,
        })
    }

    /// Whether nothing was accepted for too long. Notes the setback.
    fn outlast(&mut self, at: Instant, config: &Config, shared: &Shared) -> bool {
        let progress = shared.refused();
        if progress != self.progress {
            (self.since, self.progress) = (at, progress);
            return false;
        }
        self.since < at && at.saturating_duration_since(self.since) >= config.max_outage
    }

    fn draw(&mut self, setback: Setback, attempt: u32, config: &Config) -> Duration {
        let backoff = if setback.governed {
            config.backoff.capped(GOVERNED_MAX)
        } else {
            config.backoff
        };
        let own = backoff.wait(attempt, self.previous, &mut self.rng);
        self.previous = own;
        match setback.wait {
            None => own,
            // The gate hands permits out one by one, so nobody needs to be kept out of step.
            Some(wait) if setback.governed => wait.max(own),
            Some(wait) => wait.saturating_add(above(wait, &mut self.rng)).max(own),
        }
    }
}

/// Whether a request may be sent again though the server may have served it already.
///
/// Idempotent methods ([RFC 9110, section 9.2.2]), and requests with an `Idempotency-Key`.
///
/// [RFC 9110, section 9.2.2]: https://www.rfc-editor.org/rfc/rfc9110.html#section-9.2.2
pub(super) fn is_repeatable(request: &impl ReplayRequest) -> bool {
    request.method().is_idempotent() || request.headers().contains_key(idempotency::HEADER)
}
