//! Whether and when one request is sent again.

use std::time::Duration;

use http::StatusCode;
use rand::rngs::SmallRng;
use tokio::time::Instant;

use super::backoff::above;
use super::clone::CloneRequest;
use super::pause::{Progress, Shared, later, spread};
use super::policy::{Config, Policy};

/// The longest wait of its own that a request behind a gate adds: attempts are cheap there, as the
/// gate paces them, and whoever waits longer finds itself behind those that came later.
const GOVERNED_MAX: Duration = Duration::from_secs(2);

/// How one request has fared so far.
pub(super) struct Course {
    pub(super) attempts: u32,
    /// Whether the request may be sent again though it may have been served: noted of one that could not
    /// be copied, as it is gone when its answer comes.
    repeatable: bool,
    /// When the request was made: read only if there is a bound that counts from it.
    started: Option<Instant>,
    /// Boxed, as most requests meet nothing of note, and every one is moved about.
    noted: Option<Box<Noted>>,
}

#[derive(Default)]
struct Noted {
    setbacks: Option<Setbacks>,
    /// The statuses that the hook has acted upon.
    acted_on: Vec<StatusCode>,
}

/// What is noted from the first setback on.
struct Setbacks {
    /// Since when nothing was accepted, as far as this request knows.
    since: Instant,
    progress: Progress,
    rng: SmallRng,
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
    pub(super) fn begin(config: &Config, repeatable: bool) -> Self {
        Self {
            attempts: 1,
            repeatable,
            started: config.max_elapsed.map(|_| Instant::now()),
            noted: None,
        }
    }

    /// Whether the request may be sent again though it may have been served.
    pub(super) fn may_repeat<Req, C, H, K: CloneRequest<Req>>(
        &self,
        kept: Option<&Req>,
        policy: &Policy<C, H, K>,
    ) -> bool {
        kept.map_or(self.repeatable, |kept| policy.clone.is_repeatable(kept))
    }

    /// The last moment at which an attempt may begin.
    pub(super) fn deadline(&self, config: &Config) -> Option<Instant> {
        Some(later(self.started?, config.max_elapsed?))
    }

    /// When to send again, if the bounds of the request itself still allow it.
    pub(super) fn plan(
        &mut self,
        setback: Setback,
        config: &Config,
        shared: &Shared,
    ) -> Option<Instant> {
        let setbacks = self
            .noted
            .get_or_insert_default()
            .setbacks
            .get_or_insert_with(|| Setbacks::begin(setback.at, config, shared));
        let outlasted = setbacks.outlast(setback.at, config, shared);
        if outlasted || self.attempts >= config.max_attempts {
            return None;
        }
        let mut until = later(setback.at, setbacks.draw(setback, self.attempts, config));
        if let Some(pause) = shared.paused_until().filter(|pause| *pause > until) {
            until = spread(pause, setback.at, &mut setbacks.rng);
        }
        self.is_in_time(until, config).then_some(until)
    }

    /// Whether an attempt may begin at once that no setback calls for. If so, it is paid for.
    pub(super) fn may_go(&self, now: Instant, config: &Config) -> bool {
        self.attempts < config.max_attempts && self.is_in_time(now, config) && config.pay(now)
    }

    fn is_in_time(&self, at: Instant, config: &Config) -> bool {
        self.deadline(config).is_none_or(|deadline| at <= deadline)
    }

    /// Whether the hook has acted upon such an answer to this request.
    pub(super) fn has_acted_on(&self, status: StatusCode) -> bool {
        self.noted
            .as_ref()
            .is_some_and(|noted| noted.acted_on.contains(&status))
    }

    pub(super) fn note_acting_on(&mut self, status: StatusCode) {
        self.noted.get_or_insert_default().acted_on.push(status);
    }
}

impl Setbacks {
    fn begin(at: Instant, config: &Config, shared: &Shared) -> Self {
        let (progress, rng) = (shared.refused(), config.random.draw());
        Self {
            since: at,
            progress,
            rng,
            previous: Duration::ZERO,
        }
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
