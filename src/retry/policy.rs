//! What was configured, and what is shared.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::budget::RetryBudget;
use super::clone::CloneRequest;
use super::drain::DrainLimits;
use super::idempotency::IdempotencyKey;
use super::shared::Shared;
use crate::hint::{DEFAULT_MAX_SERVER_WAIT, Dialect};
use crate::observe::{By, Event, Observers, SourceKind};
use crate::random::Streams;

/// What layers and services hold. The inner reference count is that of the requests that are not done, and
/// one for all layers and services, so that they can be counted at no cost.
pub(super) type Policies<C, H, K> = Arc<Arc<Policy<C, H, K>>>;

/// All that a layer hands to its services and requests.
pub(super) struct Policy<C, H, K> {
    pub(super) config: Config,
    // In `Arc`s, as what a user gives need not be `Clone`.
    pub(super) classify: Arc<C>,
    pub(super) hook: Arc<H>,
    pub(super) clone: Arc<K>,
    pub(super) shared: Arc<Shared>,
}

#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) max_attempts: u32,
    pub(super) max_elapsed: Option<Duration>,
    pub(super) max_time: Option<Duration>,
    pub(super) max_outage: Duration,
    pub(super) circuit_breaker: bool,
    pub(super) max_server_wait: Duration,
    pub(super) backoff: Backoff,
    pub(super) budget: Option<RetryBudget>,
    pub(super) attempt_header: Option<HeaderName>,
    pub(super) idempotency_key: Option<IdempotencyKey>,
    pub(super) drain: DrainLimits,
    pub(super) dialect: Dialect,
    /// How many bytes of a streamed request body may be kept.
    pub(super) buffer: Option<usize>,
    /// Where jitter comes from. In an `Arc`, so that clones of a layer do not draw the same.
    pub(super) random: Arc<Streams>,
    pub(super) observers: Observers,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_attempts: 32,
            max_elapsed: None,
            max_time: None,
            max_outage: Duration::from_secs(5 * 60),
            circuit_breaker: true,
            max_server_wait: DEFAULT_MAX_SERVER_WAIT,
            backoff: Backoff::default(),
            budget: None,
            attempt_header: None,
            idempotency_key: None,
            drain: DrainLimits {
                bytes: 64 * 1024,
                time: Duration::from_secs(1),
            },
            dialect: Dialect::new(),
            buffer: None,
            random: Arc::new(Streams::new()),
            observers: Observers::default(),
        }
    }
}

impl Config {
    /// Tells the observers, if there are any.
    #[inline]
    pub(super) fn tell<'a>(&self, event: impl FnOnce() -> Event<'a>) {
        if self.is_observed() {
            self.observers.tell(SourceKind::Retries, &event());
        }
    }

    /// Whether somebody is told.
    pub(super) fn is_observed(&self) -> bool {
        !self.observers.is_empty()
    }

    /// A wait for the pause ended, and the pause with it if it `is_over`.
    #[inline]
    pub(super) fn pause_waited(&self, is_over: bool) {
        if is_over {
            self.tell(|| Event::Resumed { by: By::Time });
        }
    }

    /// Whether the budget has anything left at `now`.
    pub(super) fn can_pay(&self, now: Instant) -> bool {
        self.budget.as_ref().is_none_or(|budget| budget.holds(now))
    }

    /// Whether one more attempt is within the budget; if so, it is paid for.
    pub(super) fn pay(&self, now: Instant) -> bool {
        self.budget
            .as_ref()
            .is_none_or(|budget| budget.withdraw(now))
    }
}

impl<C, H, K> Policy<C, H, K> {
    /// Writes the number of its attempt into a request, if that is to be sent.
    #[inline]
    pub(super) fn number<Req>(&self, request: &mut Req, attempt: u32)
    where
        K: CloneRequest<Req>,
    {
        if let Some(name) = &self.config.attempt_header {
            self.write(name, request, attempt);
        }
    }

    /// Kept out of the way of requests without a number, as most are. One that takes no more headers is
    /// sent without.
    #[cold]
    fn write<Req>(&self, name: &HeaderName, request: &mut Req, attempt: u32)
    where
        K: CloneRequest<Req>,
    {
        if let Some(headers) = self.clone.headers_mut(request) {
            // Else there may be no room for the new one.
            headers.remove(name);
            let _ = headers.try_insert(name, attempt.into());
        }
    }
}

impl<C, H, K> Clone for Policy<C, H, K> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            classify: Arc::clone(&self.classify),
            hook: Arc::clone(&self.hook),
            clone: Arc::clone(&self.clone),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<C, H, K> fmt::Debug for Policy<C, H, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("config", &self.config)
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}
