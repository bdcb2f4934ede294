//! The layer.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tower_layer::Layer;

use super::handle::KeyedHandle;
use super::service::Keyed;
use super::shared::{Additions, Config, Shared};
use crate::concurrency::{AdaptiveConcurrencyLayer, Learnt};
use crate::cost::NoCost;
use crate::observe::Observer;

/// Gives each key a gate of its own.
///
/// All services that one layer, or a clone of it, wraps share the gates. See the [module docs](super).
///
/// A method of this builder gives the layer a state of its own: it shares no gates with clones that were made
/// before. So take a [`handle`](Self::handle) last.
///
/// `C` is what tells the [cost](AdaptiveConcurrencyLayer::cost) of requests, if the layers that make the
/// [gates](Self::gates) are told.
pub struct KeyedLayer<K, F, C = NoCost> {
    shared: Arc<Shared<K>>,
    key: F,
    cost: PhantomData<fn() -> C>,
}

impl<K, F> KeyedLayer<K, F> {
    /// A layer that asks `key` to which key a request belongs.
    ///
    /// The key is computed once for each request, when it is called. It is kept in memory, so a key must not hold
    /// a secret: see [`Credential`](super::Credential).
    pub fn new<Request>(key: F) -> Self
    where
        F: Fn(&Request) -> K,
    {
        let config = Config {
            make_gate: Arc::new(|_: &K, additions: Additions<'_>| {
                additions.make(AdaptiveConcurrencyLayer::new())
            }),
            observers: Vec::new(),
            alias: None,
            on_evict: None,
            recall: None,
            max_waiting: 10_000,
            max_share: 0.25,
            idle: Duration::from_secs(600),
            max_keys: 10_000,
        };
        Self {
            shared: Arc::new(Shared::new(config)),
            key,
            cost: PhantomData,
        }
    }
}

impl<K, F, C> KeyedLayer<K, F, C> {
    fn configure(mut self, change: impl FnOnce(&mut Config<K>)) -> Self {
        let mut config = self.shared.config.clone();
        change(&mut config);
        self.shared = Arc::new(Shared::new(config));
        self
    }

    /// Makes the gate of a key that is new. By default [`AdaptiveConcurrencyLayer::new`] does.
    ///
    /// Each key has a gate of its own: if the layer that is returned shares its gate with anything else, such
    /// as the layer that it is a clone of, the key gets a new gate with the same settings. Two first requests
    /// of one key at the same moment may both have `make` called; one gate is kept.
    ///
    /// ```
    /// use http::Request;
    /// use tower_throttle::AdaptiveConcurrencyLayer;
    /// use tower_throttle::keyed::{Host, KeyedLayer};
    ///
    /// let gate = AdaptiveConcurrencyLayer::new().max_limit(50);
    /// let layer = KeyedLayer::new(Host::of::<Request<String>>).gates(move |host: &Host| {
    ///     match host.name() {
    ///         "slow.example.com" => gate.clone().max_limit(2),
    ///         _ => gate.clone(),
    ///     }
    /// });
    /// # let _ = layer;
    /// ```
    ///
    /// The layers may be told what requests [cost](AdaptiveConcurrencyLayer::cost), each key's in its own way. As the
    /// request is there before it waits, its cost is announced: the gate lets it go when there is room for exactly
    /// that.
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use bytes::Bytes;
    /// use http::Request;
    /// use http_body_util::Full;
    /// use tower_throttle::AdaptiveConcurrencyLayer;
    /// use tower_throttle::cost::Cost;
    /// use tower_throttle::keyed::{KeyedLayer, Model};
    ///
    /// let layer = KeyedLayer::new(Model::of::<Full<Bytes>>).gates(|model: &Option<Model>| {
    ///     let is_large = model.as_ref().is_some_and(|model| model.name().ends_with("-large"));
    ///     let answer = if is_large { 4_000 } else { 400 };
    ///     AdaptiveConcurrencyLayer::new().cost(move |request: &Request<Full<Bytes>>| {
    ///         Cost::tokens(http_body::Body::size_hint(request.body()).lower() / 4 + answer)
    ///     })
    /// });
    /// # let _ = layer;
    /// # }
    /// ```
    #[must_use]
    pub fn gates<G: Send + Sync + 'static>(
        self,
        make: impl Fn(&K) -> AdaptiveConcurrencyLayer<G> + Send + Sync + 'static,
    ) -> KeyedLayer<K, F, G> {
        let make_gate = move |key: &K, additions: Additions<'_>| additions.make(make(key));
        let layer = self.configure(|config| config.make_gate = Arc::new(make_gate));
        KeyedLayer {
            shared: layer.shared,
            key: layer.key,
            cost: PhantomData,
        }
    }

    /// Has one more [observer](crate::observe) told what the gates of all keys do. By default nobody is.
    ///
    /// They have the names that [`gates`](Self::gates) gives them, and one name if it gives none. For metrics, a name
    /// must come from a bounded set: a key of a caller's choice does not.
    #[must_use]
    pub fn observe(self, observer: impl Observer + 'static) -> Self {
        let observer = Arc::new(observer);
        self.configure(|config| config.observers.push(observer))
    }

    /// How many requests may wait for their gates, over all keys: 10,000 by default. 0 counts as 1.
    ///
    /// Beyond it, `poll_ready` is pending. A request waits from its call until it has its permit; what is in
    /// flight does not count.
    #[must_use]
    pub fn max_waiting(self, max: usize) -> Self {
        self.configure(|config| config.max_waiting = max.max(1))
    }

    /// What share of [`max_waiting`](Self::max_waiting) the requests of one key may take up, from 0 to 1: a
    /// quarter by default. At least one request.
    ///
    /// So a key that is paused cannot use up the bound. A request beyond the share waits at its gate as well, and
    /// takes up nothing of the bound. Instead, the very service that it was sent through is not ready until it has
    /// its permit. Clones of that service are. With 1, a single key may use up the bound.
    ///
    /// # Panics
    ///
    /// If the share is not a number from 0 to 1.
    #[must_use]
    pub fn max_share(self, share: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&share),
            "the share must be from 0 to 1"
        );
        self.configure(|config| config.max_share = share)
    }

    /// After how long without a request a key may be forgotten: 10 minutes by default. `Duration::MAX` for never.
    ///
    /// Nothing runs in the background. Keys are swept when a new one comes and this time has passed since the last
    /// sweep, so a key may be kept for more than twice as long. What its gate has learned is forgotten with it, unless
    /// [`on_evict`](Self::on_evict) keeps it. A gate that is [in use](super#how-long-a-key-is-kept) is kept.
    #[must_use]
    pub fn idle(self, idle: Duration) -> Self {
        self.configure(|config| config.idle = idle)
    }

    /// How many keys may be known: 10,000 by default. 0 counts as 1.
    ///
    /// When a new one comes on top, an eighth of the keys are forgotten, and at least one: those that were not
    /// used for longest. A gate that is [in use](super#how-long-a-key-is-kept) is kept, so there may be more keys
    /// while many are in use.
    #[must_use]
    pub fn max_keys(self, max: usize) -> Self {
        self.configure(|config| config.max_keys = max.max(1))
    }

    /// Reads from an answer's head which key a request's key belongs to: the server's *bucket*. `None` says that
    /// it does not tell.
    ///
    /// The first key of a bucket brings what its gate has learned. From then on, requests of all keys of a
    /// bucket pass one gate. Those that wait or are in flight already stay where they are. See
    /// [buckets](super#buckets-that-an-answer-names).
    #[must_use]
    pub fn alias(
        self,
        bucket: impl Fn(&K, &HeaderMap) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        self.configure(|config| config.alias = Some(Arc::new(bucket)))
    }

    /// Takes what the gate of a key has learned, when the key is forgotten because it was [idle](Self::idle) or there were
    /// too [many](Self::max_keys). By default that is lost.
    ///
    /// Give it back by [`resume`](Self::resume) when the key comes again. `keep` is called by the request of another key
    /// that makes a new gate, with no lock held, and should be quick.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use std::sync::{Arc, Mutex};
    ///
    /// use http::Request;
    /// use tower_throttle::concurrency::Learnt;
    /// use tower_throttle::keyed::{Host, KeyedLayer};
    ///
    /// let store: Arc<Mutex<HashMap<Host, Learnt>>> = Arc::default();
    /// let (keeps, recalls) = (Arc::clone(&store), Arc::clone(&store));
    /// let layer = KeyedLayer::new(Host::of::<Request<String>>)
    ///     .on_evict(move |host: &Host, learnt| {
    ///         keeps.lock().unwrap().insert(host.clone(), learnt);
    ///     })
    ///     .resume(move |host: &Host| recalls.lock().unwrap().remove(host));
    ///
    /// // At the end of the program, beside what is in the store:
    /// for (host, learnt) in layer.handle().export() {
    ///     store.lock().unwrap().insert(host, learnt);
    /// }
    /// ```
    #[must_use]
    pub fn on_evict(self, keep: impl Fn(&K, Learnt) + Send + Sync + 'static) -> Self {
        self.configure(|config| config.on_evict = Some(Arc::new(keep)))
    }

    /// Gives what the gate of a key begins with, if anything was learned before: in this run, before the key was
    /// [forgotten](Self::on_evict), or in an earlier one. By default each begins with nothing.
    ///
    /// `recall` is called when a gate is made, for a key or for a [bucket](Self::alias), with no lock held. What it
    /// gives counts by its age: see [`Learnt`].
    #[must_use]
    pub fn resume(self, recall: impl Fn(&K) -> Option<Learnt> + Send + Sync + 'static) -> Self {
        self.configure(|config| config.recall = Some(Arc::new(recall)))
    }

    /// A handle to look at the gates from outside. Take it last: a builder method that follows gives this layer
    /// a state of its own.
    #[must_use]
    pub fn handle(&self) -> KeyedHandle<K> {
        KeyedHandle::new(Arc::clone(&self.shared))
    }
}

impl<K, F: Clone, C> Clone for KeyedLayer<K, F, C> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            key: self.key.clone(),
            cost: PhantomData,
        }
    }
}

impl<K, F, C> fmt::Debug for KeyedLayer<K, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.shared.config;
        f.debug_struct("KeyedLayer")
            .field("max_waiting", &config.max_waiting)
            .field("max_share", &config.max_share)
            .field("idle", &config.idle)
            .field("max_keys", &config.max_keys)
            .field("has_alias", &config.alias.is_some())
            .finish_non_exhaustive()
    }
}

impl<S, K, F: Clone, C> Layer<S> for KeyedLayer<K, F, C> {
    type Service = Keyed<S, K, F, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Keyed::with_shared(inner, Arc::clone(&self.shared), self.key.clone())
    }
}
