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
use super::plan::{Plan, Setting};
use super::service::AdaptiveConcurrency;
use crate::hint::Dialect;

/// Wraps services so that no more requests are in flight than the server takes.
///
/// All services that one layer, or a clone of it, wraps share one gate.
///
/// A method of this builder changes no other layer. What [`release_at`], [`classify`] and [`dialect`] set is
/// the layer's own. The others set something of the gate: while nothing else has the gate, it is changed in
/// place; if a clone of the layer, a service or a handle has it, this layer gets a new one, with the same
/// limit as it was given and the same settings. To change a gate in use, take its [`handle`]. See the
/// [module docs](super).
///
/// ```
/// use tower_throttle::AdaptiveConcurrencyLayer;
///
/// let one = AdaptiveConcurrencyLayer::new().max_limit(50);
/// let other = one.clone().max_limit(5).initial_limit(5);
/// assert_eq!(one.handle().limit(), 4);
/// assert_eq!(other.handle().limit(), 5);
/// ```
///
/// [`release_at`]: Self::release_at
/// [`classify`]: Self::classify
/// [`dialect`]: Self::dialect
/// [`handle`]: Self::handle
#[derive(Clone, Debug)]
pub struct AdaptiveConcurrencyLayer {
    gate: Arc<Gate>,
    plan: Plan,
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
    ///
    /// It is cloned, as it is now, when a layer that was made from this one gets a gate of its own.
    #[must_use]
    pub fn with_limit(limit: impl Limit + Clone) -> Self {
        let plan = Plan::new(limit);
        Self {
            gate: plan.build(),
            plan,
            release_at: ReleaseAt::default(),
            classifier: Classifier::default(),
        }
    }

    /// Changes the gate, if nothing else has it, or makes a new one.
    fn set(mut self, setting: Setting) -> Self {
        self.plan.add(setting);
        if Arc::strong_count(&self.gate) == 1 {
            setting.apply(&self.gate);
        } else {
            self.gate = self.plan.build();
        }
        self
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
        self.set(Setting::Limit(limit))
    }

    /// The least that the limit shrinks to: 1 by default, and at least 1.
    #[must_use]
    pub fn min_limit(self, min: usize) -> Self {
        self.set(Setting::Min(min))
    }

    /// The most that the limit grows to: 1000 by default, and at least 1.
    #[must_use]
    pub fn max_limit(self, max: usize) -> Self {
        self.set(Setting::Max(max))
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
        self.set(Setting::MaxPause(max))
    }

    /// Draws all random numbers from `seed`: the gate's jitter, and what the limit draws. By default they
    /// come from the operating system's randomness.
    ///
    /// For tests: a run on a paused clock can be repeated to the digit. The numbers that follow from a
    /// seed may change with the version of this crate.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.set(Setting::Seed(seed))
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
        self.set(Setting::BodyIdle(idle))
    }

    /// Says of some answers how they count; `None` leaves an answer to the default, which takes
    /// refusals ([`Hint::is_refusal`](crate::Hint::is_refusal)) for what they are, any other 5xx,
    /// 401 and 407 for a failure, and everything else for accepted.
    #[must_use]
    pub fn classify(
        mut self,
        hook: impl Fn(StatusCode, &HeaderMap) -> Option<Classified> + Send + Sync + 'static,
    ) -> Self {
        self.classifier.set_hook(hook);
        self
    }

    /// Sets what the API means by its own statuses and codes. By default what all mean.
    ///
    /// The layer's own, as what [`classify`](Self::classify) sets, which is asked first. Give the same to
    /// the retries above: [`RetryOn429Layer::dialect`](crate::RetryOn429Layer::dialect).
    ///
    /// ```
    /// use http::StatusCode;
    /// use tower_throttle::AdaptiveConcurrencyLayer;
    /// use tower_throttle::hint::Dialect;
    ///
    /// let dialect = Dialect::new().refusal(StatusCode::CONFLICT);
    /// let layer = AdaptiveConcurrencyLayer::new().dialect(dialect);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.classifier.set_dialect(dialect);
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
