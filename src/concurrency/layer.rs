//! The layer.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tower_layer::Layer;

use super::body::ReleaseAt;
use super::classify::{Classified, Classifier};
use super::gate::Gate;
use super::handle::Handle;
use super::limit::{Learned, Limit};
use super::service::AdaptiveConcurrency;

/// Wraps services so that no more requests are in flight than the server takes.
///
/// All services that one layer, or a clone of it, wraps share one gate. What [`release_at`] and
/// [`classify`] set is the layer's own, so that clones can differ; all else is the gate's, whichever
/// clone sets it. See the [module docs](super).
///
/// [`release_at`]: Self::release_at
/// [`classify`]: Self::classify
#[derive(Clone, Debug)]
pub struct AdaptiveConcurrencyLayer {
    gate: Arc<Gate>,
    release_at: ReleaseAt,
    classifier: Classifier,
}

impl AdaptiveConcurrencyLayer {
    /// A layer with the default limit, which starts at 4 and stays within 1 and 1000.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(Learned::new())
    }

    /// A layer that asks `limit` how many requests may be in flight.
    #[must_use]
    pub fn with_limit(limit: impl Limit) -> Self {
        Self {
            gate: Gate::new(Box::new(limit)),
            release_at: ReleaseAt::default(),
            classifier: Classifier::default(),
        }
    }

    /// When an accepted request gives up its place: at the end of its answer's body (the default),
    /// or with the answer's head.
    #[must_use]
    pub fn release_at(mut self, release_at: ReleaseAt) -> Self {
        self.release_at = release_at;
        self
    }

    /// The limit to start with. 4 by default, unless a limit was given that starts elsewhere.
    #[must_use]
    pub fn initial_limit(self, limit: usize) -> Self {
        self.handle().set_limit(limit);
        self
    }

    /// The least that the limit shrinks to: 1 by default, and at least 1.
    #[must_use]
    pub fn min_limit(self, min: usize) -> Self {
        self.handle().set_min(min);
        self
    }

    /// The most that the limit grows to: 1000 by default, and at least 1.
    #[must_use]
    pub fn max_limit(self, max: usize) -> Self {
        self.handle().set_max(max);
        self
    }

    /// The longest wait asked for by the server that pauses everybody: 120 s by default, inclusive.
    /// A longer one pauses nobody; the refusal goes to the caller, or to the retry above, which
    /// decides.
    ///
    /// It bounds what the limit holds back by itself as well, whatever the limit is: when so much time
    /// has let none of those in line go, though fewer are in flight than may be, one goes. So one that
    /// is shorter than the time between two requests at the API's rate makes for refusals.
    #[must_use]
    pub fn max_pause(self, max: Duration) -> Self {
        self.gate.with(|state, _, _| state.set_max_pause(max));
        self
    }

    /// Draws all random numbers from `seed`: the gate's jitter, and what the limit draws. By default they
    /// come from the operating system's randomness.
    ///
    /// For tests: a run on a paused clock can be repeated to the digit. The numbers that follow from a
    /// seed may change with the version of this crate.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.gate.with(|state, _, _| state.set_seed(seed));
        self
    }

    /// After how long the body of an answer counts as not read, so that it gives its place to those
    /// who wait: [`DEFAULT_BODY_IDLE`](super::DEFAULT_BODY_IDLE) by default, and `Duration::MAX` for
    /// never.
    ///
    /// The time counts from the last poll of the body, or from the answer's head if there was none. If
    /// that poll found nothing yet, the reader waits for the server, which is at work: such a body
    /// keeps its place for 60 times as long. One that is polled again goes on without a place.
    /// Nothing is taken away while nobody waits, or while there is room.
    #[must_use]
    pub fn body_idle(self, idle: Duration) -> Self {
        self.gate.with(|state, _, _| state.set_body_idle(idle));
        self
    }

    /// Says of some answers how they count; `None` leaves an answer to the default, which takes
    /// refusals ([`Hint::is_refusal`](crate::Hint::is_refusal)) for what they are, any other 5xx,
    /// 401 and 407 for a failure, and everything else for accepted.
    #[must_use]
    pub fn classify(
        mut self,
        hook: impl Fn(StatusCode, &HeaderMap) -> Option<Classified> + Send + Sync + 'static,
    ) -> Self {
        self.classifier = Classifier::new(hook);
        self
    }

    /// A handle to look at the gate from outside, and to steer it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.gate))
    }
}

impl Default for AdaptiveConcurrencyLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for AdaptiveConcurrencyLayer {
    type Service = AdaptiveConcurrency<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AdaptiveConcurrency::with_gate(
            inner,
            Arc::clone(&self.gate),
            self.release_at,
            self.classifier.clone(),
        )
    }
}
