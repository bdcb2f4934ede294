//! The configuration.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use tower_layer::Layer;

use super::backoff::Backoff;
use super::budget::RetryBudget;
use super::classify::RefusalsOnly;
use super::clone::Replay;
use super::drain::DrainLimits;
use super::handle::RetryHandle;
use super::hook::NoHook;
use super::idempotency::IdempotencyKey;
use super::policy::{Config, Policies, Policy};
use super::service::RetryOn429;
use super::shared::Shared;
use crate::hint::Dialect;
use crate::observe::Observer;
use crate::random::Streams;

/// Retries refused requests. See the [module docs](super) for more details.
///
/// One layer stands for one API: its clones, and all the services they make, share the pause that
/// a refusal asks for, the budget and the circuit breaker. Clones that are configured further share them
/// as well. Use a new layer for each API.
///
/// `C` is the [classifier](Self::classify), `H` the [hook](Self::on_refusal), `K` what
/// [copies](Self::clone_request) requests. The methods set them.
///
/// [`guide::start`](crate::guide::start#keep-it-in-a-struct) shows how to keep a client in a struct, and
/// [`Classify`](super::Classify#the-type-in-a-struct) how the type of a customised layer is written down.
pub struct RetryOn429Layer<C = RefusalsOnly, H = NoHook, K = Replay> {
    policy: Policies<C, H, K>,
}

impl RetryOn429Layer {
    /// A layer with the defaults that are given with each method.
    #[must_use]
    pub fn new() -> Self {
        let policy = Policy {
            config: Config::default(),
            classify: Arc::new(RefusalsOnly),
            hook: Arc::new(NoHook),
            clone: Arc::new(Replay),
            shared: Arc::new(Shared::new()),
        };
        Self {
            policy: Arc::new(Arc::new(policy)),
        }
    }
}

impl<C, H, K> RetryOn429Layer<C, H, K> {
    /// Sets how often a request is sent at most, the first time included. 32 by default.
    ///
    /// 0 counts as 1: no retries.
    #[must_use]
    pub fn max_attempts(self, attempts: u32) -> Self {
        self.configure(|config| config.max_attempts = attempts.max(1))
    }

    /// Sets for how long after the call another attempt may begin. No bound by default.
    ///
    /// It is kept strictly: if the next attempt could only be made later, the answer at hand is
    /// returned at once, not after a shortened wait. It does not cut an attempt short, nor the wait
    /// for the inner service to be ready. [`tokio::time::timeout`] around the whole future, such as that of
    /// `oneshot`, cuts both short. `tower`'s `Timeout` around this layer does not bound the first wait in
    /// line, as the [guide](crate::guide::failing#how-to-bound-a-request) says. Behind a gate choose
    /// [`max_time`](Self::max_time), which bounds that wait too.
    ///
    /// [`tokio::time::timeout`]: https://docs.rs/tokio/latest/tokio/time/fn.timeout.html
    #[must_use]
    pub fn max_elapsed(self, elapsed: Duration) -> Self {
        self.configure(|config| config.max_elapsed = Some(elapsed))
    }

    /// Sets for how long requests are retried while nothing gets through. 5 minutes by default.
    ///
    /// The time counts from the first refusal through this layer. It starts anew whenever *any* request
    /// through the layer is accepted, and it stands still while no refused request waits for another
    /// attempt. So a long batch at a healthy API does not lose the job that was unlucky several times, and
    /// yet a dead API ends every request: after that time the circuit breaker opens, and requests are
    /// answered with a copy of the last refusal (see the [module docs](super#the-circuit-breaker)).
    ///
    /// A request that is alone at a dead API, which asks for no wait, usually ends sooner, by its
    /// [`max_attempts`](Self::max_attempts): its 32 attempts take three to five minutes, as the
    /// [guide](crate::guide::failing) has measured. Raise both to wait longer.
    #[must_use]
    pub fn max_outage(self, outage: Duration) -> Self {
        self.configure(|config| config.max_outage = outage)
    }

    /// Bounds the time that a request waits: in line, in a pause, and between attempts. No bound by default.
    ///
    /// The time counts from the first `poll_ready` that had to wait, or from the call.
    ///
    /// - If a request is refused and could only be sent again after that time, its own refusal is returned
    ///   at once.
    /// - If the time ends while the request waits, it is answered with a copy of the last refusal of any
    ///   request through this layer. The copy carries [`Unsent`](crate::message::Unsent), even if the
    ///   request was sent before.
    /// - If nothing was refused yet, there is nothing to answer with, and the request waits on. So behind a
    ///   server that is slow, and refuses nothing, the time of a request is not bounded.
    /// - An attempt in flight is not cut short, as the server may be doing the work.
    ///
    /// A `Timeout` below both layers bounds an attempt, and with it the last two. A
    /// [`tokio::time::timeout`] around `oneshot` bounds everything but the body, and answers with an error.
    /// See the [guide](crate::guide::order#timeouts).
    ///
    /// [`tokio::time::timeout`]: https://docs.rs/tokio/latest/tokio/time/fn.timeout.html
    #[must_use]
    pub fn max_time(self, time: Duration) -> Self {
        self.configure(|config| config.max_time = Some(time))
    }

    /// Switches the [circuit breaker](super#the-circuit-breaker) on or off. On by default.
    ///
    /// Without it every request must be sent to learn that the API serves nobody. In exchange, a request is
    /// served as soon as the API is back, even if the API had asked for an hour.
    #[must_use]
    pub fn circuit_breaker(self, on: bool) -> Self {
        self.configure(|config| config.circuit_breaker = on)
    }

    /// Sets the longest wait asked for by the server that is waited, inclusive. 120 s by default.
    ///
    /// If the server asks for more, the answer is returned at once, with the
    /// [`Hint`](crate::Hint) in its extensions, and counts as a refusal for good. It is also the longest
    /// time for which the refusals of other requests hold one caller in `poll_ready`.
    ///
    /// With a gate below, raise the gate's
    /// [`max_pause`](crate::AdaptiveConcurrencyLayer::max_pause) as well. Otherwise a longer wait pauses
    /// nobody, and each request is sent once to be refused.
    #[must_use]
    pub fn max_server_wait(self, wait: Duration) -> Self {
        self.configure(|config| config.max_server_wait = wait)
    }

    /// Sets the waits used when the server asks for none, or for less. By default 500 ms, doubled up to 30 s,
    /// with full jitter: see [`Backoff`]. With a gate below, at most 2 s of it are waited.
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
    pub fn classify<C2>(self, classify: C2) -> RetryOn429Layer<C2, H, K> {
        self.rebuild(|policy| Policy {
            classify: Arc::new(classify),
            config: policy.config,
            hook: policy.hook,
            clone: policy.clone,
            shared: policy.shared,
        })
    }

    /// Sets a hook that can do something about an answer, such as to fetch a new token after a 401,
    /// and then have the request sent again. None by default.
    ///
    /// It is a closure `Fn(Refusal<'_>, &Req) -> Option<F>`, or an [`OnRefusal`](super::OnRefusal). It
    /// is asked about every answer from status 400 on, and about what the
    /// [classifier](Self::classify) wants retried; not about what that accepts, nor about errors. It
    /// sees the [`Refusal`](super::Refusal) and the request as it would be sent again.
    ///
    /// - `None`: the layer does what it would do without this hook.
    /// - `Some(future)`: the future is awaited. If it gives a request, that is sent, now and in all
    ///   attempts that follow, even if the layer would not retry without the hook, and whatever the method. If
    ///   it gives `None`, the answer is returned, with its body whole.
    ///
    /// For one request it acts at most once upon each status, so an API that always says 401 gets
    /// two attempts. [`max_attempts`](Self::max_attempts), [`max_elapsed`](Self::max_elapsed) and the
    /// [`budget`](Self::budget) hold: if one of them forbids another attempt, the answer is returned.
    /// After the future there is no backoff, only a pause that is in force.
    ///
    /// The future is polled in the caller's task, and dropped with the call. It is not bounded in time;
    /// `tower`'s `Timeout` around this layer bounds it. While it runs no permit is held: the answer is
    /// read before, within the bounds of [`drain`](Self::drain), and only one that is longer keeps its
    /// connection and its permit.
    ///
    /// A request that cannot be copied is not asked about: its answer is returned. Wrap its body in a
    /// [`ReplayBody`](super::ReplayBody). To copy a `reqwest::Request` with a body of several frames, the
    /// hook calls `ReplayRequest::try_clone`, as reqwest's own method copies single pieces only.
    ///
    /// [`OnRefusal`](super::OnRefusal) shows how a token is renewed.
    #[must_use]
    pub fn on_refusal<H2>(self, hook: H2) -> RetryOn429Layer<C, H2, K> {
        self.rebuild(|policy| Policy {
            hook: Arc::new(hook),
            config: policy.config,
            classify: policy.classify,
            clone: policy.clone,
            shared: policy.shared,
        })
    }

    /// Sets how a request is copied, for requests of foreign types. By default their
    /// [`ReplayRequest`](crate::message::ReplayRequest) decides.
    ///
    /// It is a closure `Fn(&Req) -> Option<Req>`, of which `None` gives the request one attempt, or a
    /// [`CloneRequest`](super::CloneRequest). With a closure nothing else is known of the request:
    ///
    /// - Refusals are retried, as always. Other failures are not, even if a
    ///   [classifier](Self::classify) wants it, since the request might have been served.
    /// - [`attempt_header`](Self::attempt_header) and [`idempotency_key`](Self::idempotency_key) add
    ///   nothing.
    ///
    /// Implement [`CloneRequest`](super::CloneRequest) to allow these. The gate needs nothing of a
    /// request. The answer must be an [`HttpResponse`](crate::message::HttpResponse) in any case.
    ///
    /// ```
    /// use tower_throttle::RetryOn429Layer;
    ///
    /// /// What some client takes for a request: a recipe for one.
    /// #[derive(Clone)]
    /// struct Recipe(std::sync::Arc<dyn Fn() -> http::Request<String> + Send + Sync>);
    ///
    /// let layer = RetryOn429Layer::new().clone_request(|recipe: &Recipe| Some(recipe.clone()));
    /// # fn is_clone<K: tower_throttle::retry::CloneRequest<Recipe>, C, H>(_: RetryOn429Layer<C, H, K>) {}
    /// # is_clone(layer);
    /// ```
    #[must_use]
    pub fn clone_request<K2>(self, clone: K2) -> RetryOn429Layer<C, H, K2> {
        self.rebuild(|policy| Policy {
            clone: Arc::new(clone),
            config: policy.config,
            classify: policy.classify,
            hook: policy.hook,
            shared: policy.shared,
        })
    }

    /// Sets how many bytes of a streamed request body are kept, so that the request can be sent again. None
    /// by default: a request with such a body gets one attempt.
    ///
    /// It holds for `reqwest::Request`s, whose type does not tell whether the body is a stream, and for
    /// what implements [`ReplayRequest::prepare`](crate::message::ReplayRequest::prepare). A body in memory
    /// is sent again in any case. The body is kept while it is sent, as in a
    /// [`ReplayBody`](super::ReplayBody): the stream is read no faster, and once it proves longer the
    /// attempt goes on, and is the last.
    ///
    /// A request of the `http` crate has a body of one type, which the layer cannot replace. Give it a
    /// [`ReplayBody`](super::ReplayBody), which has a bound of its own.
    #[must_use]
    pub fn buffer_bodies(self, max_bytes: usize) -> Self {
        self.configure(|config| config.buffer = Some(max_bytes))
    }

    /// Adds a header with the number of the attempt, counted from 1. Not sent by default.
    ///
    /// A header of that name which the request already has is replaced. A request that has as many headers
    /// as a [`HeaderMap`](http::HeaderMap) takes is sent without.
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

    /// Sets what the API means by its own statuses and codes. By default what they mean in general: see
    /// [`hint`](crate::hint#what-decides).
    ///
    /// Give the gate below the same: see
    /// [`AdaptiveConcurrencyLayer::dialect`](crate::AdaptiveConcurrencyLayer::dialect).
    ///
    /// ```
    /// use tower_throttle::RetryOn429Layer;
    /// use tower_throttle::hint::Dialect;
    ///
    /// // An API whose `insufficient_quota` means the minute's.
    /// let layer = RetryOn429Layer::new().dialect(Dialect::new().temporary("insufficient_quota"));
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn dialect(self, dialect: Dialect) -> Self {
        self.configure(|config| config.dialect = dialect)
    }

    /// Has one more [observer](crate::observe) told what becomes of requests, and why. By default nobody is.
    #[must_use]
    pub fn observe(self, observer: impl Observer + 'static) -> Self {
        self.configure(|config| config.observers.add(observer))
    }

    /// Sets what observers are told that this layer is called: `"default"` by default.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.configure(|config| config.observers.set_name(name))
    }

    /// A handle to look at the circuit breaker, and to close the layer. Take it last: see
    /// [`RetryHandle`].
    #[must_use]
    pub fn handle(&self) -> RetryHandle
    where
        C: Send + Sync + 'static,
        H: Send + Sync + 'static,
        K: Send + Sync + 'static,
    {
        RetryHandle::new(&self.policy)
    }

    /// Draws all jitter from `seed`. By default it comes from the operating system's randomness.
    ///
    /// For tests: a run on a paused clock can be repeated exactly. The gate below has a
    /// [seed](crate::AdaptiveConcurrencyLayer::seed) of its own: set both. Over real sockets a seed repeats
    /// the jitter, not the run. The waits that follow from a seed may change with the version of this crate.
    /// An [`idempotency_key`](Self::idempotency_key) has to be unique, so it does not follow from the seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.configure(|config| config.random = Arc::new(Streams::with_seed(seed)))
    }

    fn rebuild<C2, H2, K2>(
        self,
        with: impl FnOnce(Policy<C, H, K>) -> Policy<C2, H2, K2>,
    ) -> RetryOn429Layer<C2, H2, K2> {
        RetryOn429Layer {
            policy: Arc::new(Arc::new(with(Arc::unwrap_or_clone(Arc::unwrap_or_clone(
                self.policy,
            ))))),
        }
    }

    fn configure(mut self, set: impl FnOnce(&mut Config)) -> Self {
        set(&mut Arc::make_mut(Arc::make_mut(&mut self.policy)).config);
        self
    }
}

impl<C, H, K> Clone for RetryOn429Layer<C, H, K> {
    fn clone(&self) -> Self {
        Self {
            policy: Arc::clone(&self.policy),
        }
    }
}

impl<C, H, K> fmt::Debug for RetryOn429Layer<C, H, K> {
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

impl<S> RetryOn429<S> {
    /// Wraps a service with a [layer](RetryOn429Layer) of its own, with the defaults.
    pub fn new(inner: S) -> Self {
        RetryOn429Layer::new().layer(inner)
    }
}

impl<S, C, H, K> Layer<S> for RetryOn429Layer<C, H, K> {
    type Service = RetryOn429<S, C, H, K>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryOn429::with_policy(inner, Arc::clone(&self.policy))
    }
}
