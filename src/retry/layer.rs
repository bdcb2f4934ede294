//! The configuration.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use tower_layer::Layer;

use super::backoff::Backoff;
use super::budget::RetryBudget;
use super::classify::RefusalsOnly;
use super::drain::DrainLimits;
use super::idempotency::IdempotencyKey;
use super::pause::Shared;
use super::policy::{Config, Policy};
use super::service::RetryOn429;

/// Retries refused requests. See the [module docs](super) for more details.
///
/// One layer stands for one API: its clones, and all the services they make, share the pause that
/// a refusal asks for, the budget, and the knowledge whether the server serves anything at all.
/// Use a layer of its own for each API.
pub struct RetryOn429Layer<C = RefusalsOnly> {
    policy: Arc<Policy<C>>,
}

impl RetryOn429Layer {
    /// A layer with the defaults that are given with each method.
    #[must_use]
    pub fn new() -> Self {
        let policy = Policy {
            config: Config::default(),
            classify: Arc::new(RefusalsOnly),
            shared: Arc::new(Shared::new()),
        };
        Self {
            policy: Arc::new(policy),
        }
    }
}

impl<C> RetryOn429Layer<C> {
    /// Sets how often a request is sent at the most, the first time included. 32 by default.
    ///
    /// 0 counts as 1: no retries.
    #[must_use]
    pub fn max_attempts(self, attempts: u32) -> Self {
        self.configure(|config| config.max_attempts = attempts.max(1))
    }

    /// Sets for how long after the call an attempt may begin. No bound by default.
    ///
    /// It is kept strictly: if the next attempt could only be made later, the answer at hand is
    /// returned at once, not after a shortened wait. It does not cut an attempt short, nor the wait
    /// for the inner service to be ready; `tower`'s `Timeout` around this layer does, as the
    /// [guide](crate::guide::order#timeouts) says.
    #[must_use]
    pub fn max_elapsed(self, elapsed: Duration) -> Self {
        self.configure(|config| config.max_elapsed = Some(elapsed))
    }

    /// Sets for how long a request is retried while nothing gets through. 5 minutes by default.
    ///
    /// The time counts from the request's first refusal, and anew whenever *any* request through
    /// this layer is accepted. So a long batch at a healthy API does not lose the job that was
    /// unlucky several times, and yet a dead API ends every request.
    #[must_use]
    pub fn max_outage(self, outage: Duration) -> Self {
        self.configure(|config| config.max_outage = outage)
    }

    /// Sets the longest wait asked for by the server that is slept, inclusive. 120 s by default.
    ///
    /// If the server asks for more, the answer is returned at once, with the
    /// [`Hint`](crate::Hint) in its extensions. It is also the longest time for which others'
    /// refusals hold one caller in `poll_ready`.
    #[must_use]
    pub fn max_server_wait(self, wait: Duration) -> Self {
        self.configure(|config| config.max_server_wait = wait)
    }

    /// Sets the waits used when the server asks for none, or for less.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        self.configure(|config| config.backoff = backoff)
    }

    /// Bounds the retries of all requests together. No budget by default; see [`RetryBudget`].
    #[must_use]
    pub fn budget(self, budget: RetryBudget) -> Self {
        self.configure(|config| config.budget = Some(budget))
    }

    /// Sets what is retried besides refusals. Nothing by default; see
    /// [`Classify`](super::Classify).
    #[must_use]
    pub fn classify<C2>(self, classify: C2) -> RetryOn429Layer<C2> {
        let Policy { config, shared, .. } = Arc::unwrap_or_clone(self.policy);
        let policy = Policy {
            config,
            classify: Arc::new(classify),
            shared,
        };
        RetryOn429Layer {
            policy: Arc::new(policy),
        }
    }

    /// Adds a header with the number of the attempt, counted from 1. Not sent by default.
    ///
    /// A header of that name which the request already has is replaced.
    #[must_use]
    pub fn attempt_header(self, name: HeaderName) -> Self {
        self.configure(|config| config.attempt_header = Some(name))
    }

    /// Adds an `Idempotency-Key` to requests that have none, the same in all attempts of a
    /// request. Not sent by default.
    ///
    /// A server that knows the header does the work once however often the request arrives, so
    /// with it other failures than refusals may be retried, whatever the method.
    #[must_use]
    pub fn idempotency_key(self, key: IdempotencyKey) -> Self {
        self.configure(|config| config.idempotency_key = Some(key))
    }

    /// Sets how much of a refused answer's body is read, in bytes, and for how long. 64 KiB and
    /// one second by default.
    ///
    /// An HTTP/1.1 connection can be used again only when the answer on it was read to the end,
    /// and the body may say why the request was refused. 0 bytes read nothing.
    #[must_use]
    pub fn drain(self, max_bytes: usize, max_time: Duration) -> Self {
        self.configure(|config| {
            config.drain = DrainLimits {
                bytes: max_bytes,
                time: max_time,
            };
        })
    }

    fn configure(mut self, set: impl FnOnce(&mut Config)) -> Self {
        set(&mut Arc::make_mut(&mut self.policy).config);
        self
    }
}

impl<C> Clone for RetryOn429Layer<C> {
    fn clone(&self) -> Self {
        Self {
            policy: Arc::clone(&self.policy),
        }
    }
}

impl<C> fmt::Debug for RetryOn429Layer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryOn429Layer")
            .field("policy", &self.policy)
            .finish()
    }
}

impl Default for RetryOn429Layer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S, C> Layer<S> for RetryOn429Layer<C> {
    type Service = RetryOn429<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryOn429::with_policy(inner, Arc::clone(&self.policy))
    }
}
