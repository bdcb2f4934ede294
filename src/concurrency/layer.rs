//! The layer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tower_layer::Layer;

use super::body::ReleaseAt;
use super::classify::{Classified, Classifier};
use super::gate::Gate;
use super::handle::Handle;
use super::learnt::Learnt;
use super::lease::Lease;
use super::limit::{Learned, Limit};
use super::plan::{Plan, Setting};
use super::service::AdaptiveConcurrency;
use super::template::{Costs, Template};
use crate::cost::NoCost;
use crate::hint::Dialect;
use crate::observe::Observer;

/// Wraps services so that no more requests are in flight than the server takes.
///
/// All services that one layer, or a clone of it, wraps share one gate. See the [module docs](super).
///
/// # What a setting changes
///
/// A method of this builder changes no other layer. [`release_at`], [`classify`], [`dialect`] and [`cost`] belong to
/// the layer, and leave its gate as it is. Every other method sets something of the gate. If a clone of the
/// layer, a service or a handle shares that gate, this layer gets a new gate, with the same limit as it was
/// given and the same settings. So take a [`handle`] last: one that was taken before shows the old gate. To
/// change a gate in use, use its handle.
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
/// [`cost`]: Self::cost
/// [`handle`]: Self::handle
#[derive(Clone)]
pub struct AdaptiveConcurrencyLayer<C = NoCost> {
    gate: Arc<Gate>,
    plan: Plan,
    release_at: ReleaseAt,
    classifier: Classifier,
    cost: C,
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
            cost: NoCost,
        }
    }
}

impl<C> AdaptiveConcurrencyLayer<C> {
    /// Changes the gate, if nothing else has it, or makes a new one.
    fn set(mut self, setting: Setting) -> Self {
        if Arc::strong_count(&self.gate) == 1 && !self.plan.is_observed() {
            setting.apply(&self.gate);
            self.plan.add(setting);
        } else {
            self.plan.add(setting);
            self.gate = self.plan.build();
        }
        self
    }

    /// A gate with these settings that nothing else has: a new one if this layer's is shared.
    pub(crate) fn into_template(self) -> Template
    where
        C: Send + Sync + 'static,
    {
        let is_shared = Arc::strong_count(&self.gate) > 1;
        Template {
            gate: if is_shared {
                self.plan.build()
            } else {
                self.gate
            },
            release_at: self.release_at,
            classifier: self.classifier,
            costs: Costs::new(self.cost),
        }
    }

    /// When an accepted request returns its permit: when the server's work is done, as far as can be seen
    /// ([`ReleaseAt::BodyEnd`], the default), or always with the answer's head.
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

    /// Begins with what an earlier run has learned, or with nothing if there is nothing. By default with nothing.
    ///
    /// All of it counts as likely and none of it as proven. What is old counts less: see [`Learnt`]. What is of the
    /// future counts as absent, and [`Handle::is_resumed`] tells. See the guide [`resuming`](crate::guide::resuming).
    ///
    /// Set bounds before it. A [`Fixed`](super::limit::Fixed) limit stays as it was set: of such a record, only the
    /// pause counts.
    #[must_use]
    pub fn resume(self, learnt: impl Into<Option<Learnt>>) -> Self {
        match learnt.into() {
            Some(learnt) => self.set(Setting::Resume(Arc::new(learnt))),
            None => self,
        }
    }

    /// The least that the limit shrinks to, in requests in flight: 1 by default. 0 counts as 1.
    #[must_use]
    pub fn min_limit(self, min: usize) -> Self {
        self.set(Setting::Min(min))
    }

    /// The most that the limit grows to, in requests in flight: 1000 by default. 0 counts as 1.
    #[must_use]
    pub fn max_limit(self, max: usize) -> Self {
        self.set(Setting::Max(max))
    }

    /// The longest wait asked for by the server that pauses the gate: 120 s by default, inclusive.
    /// A longer one does not pause it; the refusal goes to the caller, or to the retry above, which
    /// decides. If that waits longer, by
    /// [`max_server_wait`](crate::RetryOn429Layer::max_server_wait), set both alike.
    ///
    /// It also bounds how long the limit's own pace may hold the line back: when no request was let through
    /// for that long, though fewer are in flight than the limit allows, one is. So a value shorter than the
    /// time between two requests at the API's rate leads to refusals.
    #[must_use]
    pub fn max_pause(self, max: Duration) -> Self {
        self.set(Setting::MaxPause(max))
    }

    /// Draws all random numbers from `seed`: the gate's jitter, and what the limit draws. By default they
    /// come from the operating system's randomness.
    ///
    /// For tests: a run on a paused clock can be repeated exactly. The retry layer has a
    /// [seed](crate::RetryOn429Layer::seed) of its own: set both. The numbers that follow from a seed may
    /// change with the version of this crate.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.set(Setting::Seed(seed))
    }

    /// After how long the body of an answer counts as not read. It then loses its permit to a request in
    /// line. 1 s by default ([`DEFAULT_BODY_IDLE`](super::DEFAULT_BODY_IDLE)); `Duration::MAX` for never.
    ///
    /// The time counts from the last poll of the body, or from the answer's head if there was none. If
    /// that poll was pending, the reader waits for the server, which is at work: such a body
    /// keeps its permit for 60 times as long. A body that lost its permit can still be read to its end.
    /// No permit is taken away while the line is empty, or while another permit is free.
    #[must_use]
    pub fn body_idle(self, idle: Duration) -> Self {
        self.set(Setting::BodyIdle(idle))
    }

    /// Has `lease` bound the gate from outside: how many places it has, and what pace it may keep. By default
    /// nothing does. See [`fleet`](crate::fleet).
    ///
    /// Each gate that this layer makes is a member of its own.
    #[must_use]
    pub fn lease(mut self, lease: impl Lease) -> Self {
        self.plan.set_lease(Arc::new(lease));
        self.gate = self.plan.build();
        self
    }

    /// Decides how some answers count. `None`, or no hook, leaves an answer to the default: a refusal
    /// ([`Hint::is_refusal`](crate::Hint::is_refusal)) counts as refused, any other 5xx, a 401 and a 407 as
    /// failed, and everything else as accepted.
    #[must_use]
    pub fn classify(
        mut self,
        hook: impl Fn(StatusCode, &HeaderMap) -> Option<Classified> + Send + Sync + 'static,
    ) -> Self {
        self.classifier.set_hook(hook);
        self
    }

    /// Sets what the API means by its own statuses and codes. By default what they mean in general: see
    /// [`hint`](crate::hint#what-decides).
    ///
    /// A hook given to [`classify`](Self::classify) is asked first. Give the same dialect to
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

    /// Tells what each request costs, in the unit of a quota of the server's that counts something else than
    /// requests: tokens of a language model. By default nothing is told. See [`cost`](crate::cost).
    ///
    /// `cost` is a closure from a request to its [`Cost`](crate::cost::Cost), whose argument needs a type;
    /// [`FromExtensions`](crate::cost::FromExtensions); or any other [`CostOf`](crate::cost::CostOf).
    ///
    /// ```
    /// use tower_throttle::AdaptiveConcurrencyLayer;
    /// use tower_throttle::cost::Cost;
    ///
    /// let layer = AdaptiveConcurrencyLayer::new()
    ///     .cost(|request: &http::Request<String>| Cost::tokens(request.body().len() as u64 / 4 + 400));
    /// # fn is_cost<C: tower_throttle::cost::CostOf<http::Request<String>>>(_: AdaptiveConcurrencyLayer<C>) {}
    /// # is_cost(layer);
    /// ```
    #[must_use]
    pub fn cost<C2>(self, cost: C2) -> AdaptiveConcurrencyLayer<C2> {
        AdaptiveConcurrencyLayer {
            gate: self.gate,
            plan: self.plan,
            release_at: self.release_at,
            classifier: self.classifier,
            cost,
        }
    }

    /// Has an observer told what the gate does, and why. By default nobody is, and nothing is spent on it.
    ///
    /// Several are told in the order in which they were added. See [`observe`](crate::observe).
    ///
    /// ```
    /// use tower_throttle::AdaptiveConcurrencyLayer;
    /// use tower_throttle::observe::Timeline;
    ///
    /// let layer = AdaptiveConcurrencyLayer::new().observe(Timeline::new(|line| println!("{line}")));
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn observe(mut self, observer: impl Observer + 'static) -> Self {
        self.plan.observe(observer);
        self.gate = self.plan.build();
        self
    }

    /// What observers are told that the gate is called: `"default"`
    /// ([`DEFAULT_NAME`](crate::observe::DEFAULT_NAME)) by default. The host of the API is a good name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.plan.set_name(name);
        self.gate = self.plan.build();
        self
    }

    /// What tells the cost of requests.
    #[cfg(feature = "reqwest-middleware")]
    pub(crate) fn cost_of(&self) -> &C {
        &self.cost
    }

    /// A handle to look at the gate from outside, and to steer it. Take it last: a builder method that
    /// follows gives this layer a new gate.
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

impl<C> fmt::Debug for AdaptiveConcurrencyLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveConcurrencyLayer")
            .field("gate", &self.gate)
            .field("plan", &self.plan)
            .field("release_at", &self.release_at)
            .field("classifier", &self.classifier)
            .finish_non_exhaustive()
    }
}

impl<S> AdaptiveConcurrency<S> {
    /// Wraps a service with a [layer](AdaptiveConcurrencyLayer) of its own, with the defaults.
    pub fn new(inner: S) -> Self {
        AdaptiveConcurrencyLayer::new().layer(inner)
    }
}

impl<S, C: Clone> Layer<S> for AdaptiveConcurrencyLayer<C> {
    type Service = AdaptiveConcurrency<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        AdaptiveConcurrency::with_gate(
            inner,
            Arc::clone(&self.gate),
            self.release_at,
            self.classifier.clone(),
            self.cost.clone(),
        )
    }
}
