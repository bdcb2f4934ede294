//! What was configured, and what is shared.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use super::backoff::Backoff;
use super::budget::RetryBudget;
use super::drain::DrainLimits;
use super::idempotency::IdempotencyKey;
use super::pause::Shared;
use crate::hint::DEFAULT_MAX_SERVER_WAIT;

/// All that a layer hands to its services, behind one reference count.
pub(super) struct Policy<C> {
    pub(super) config: Config,
    /// In an `Arc`, as classifiers need not be `Clone`.
    pub(super) classify: Arc<C>,
    pub(super) shared: Arc<Shared>,
}

#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) max_attempts: u32,
    pub(super) max_elapsed: Option<Duration>,
    pub(super) max_outage: Duration,
    pub(super) max_server_wait: Duration,
    pub(super) backoff: Backoff,
    pub(super) budget: Option<RetryBudget>,
    pub(super) attempt_header: Option<HeaderName>,
    pub(super) idempotency_key: Option<IdempotencyKey>,
    pub(super) drain: DrainLimits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_attempts: 32,
            max_elapsed: None,
            max_outage: Duration::from_secs(5 * 60),
            max_server_wait: DEFAULT_MAX_SERVER_WAIT,
            backoff: Backoff::default(),
            budget: None,
            attempt_header: None,
            idempotency_key: None,
            drain: DrainLimits {
                bytes: 64 * 1024,
                time: Duration::from_secs(1),
            },
        }
    }
}

impl<C> Clone for Policy<C> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            classify: Arc::clone(&self.classify),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<C> fmt::Debug for Policy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("config", &self.config)
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}
