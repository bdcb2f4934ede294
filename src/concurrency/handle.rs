//! The handle.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::gate::Gate;
use super::learnt::Learnt;
use super::snapshot::Snapshot;
use super::watch::Watch;
use crate::priority::Priority;

/// Shows what goes on at a gate, and steers it. Made by
/// [`AdaptiveConcurrencyLayer::handle`](super::AdaptiveConcurrencyLayer::handle).
///
/// Setters take effect at once: requests in line are let through if a permit is now free. A limit below the
/// number in flight takes no permit back; it lets no request through until enough have ended.
#[derive(Clone, Debug)]
pub struct Handle {
    gate: Arc<Gate>,
}

impl Handle {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self { gate }
    }

    #[cfg(all(test, not(throttle_loom)))]
    pub(super) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    /// How many requests may be in flight.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.snapshot().limit
    }

    /// The pace in requests per second, if the limit keeps one.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        self.snapshot().rate
    }

    /// How many requests have a permit.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.snapshot().in_flight
    }

    /// How many requests wait in line for a permit.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.snapshot().waiting
    }

    /// How much of a pause is left, if there is one. No request is let through in a pause.
    #[must_use]
    pub fn pause_remaining(&self) -> Option<Duration> {
        self.snapshot().pause_remaining
    }

    /// How many attempts were accepted so far. A request that is sent again counts each time.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.snapshot().accepted
    }

    /// How many attempts were refused so far. A request that is sent again counts each time.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.snapshot().refused
    }

    /// How many requests would go before one of this class that comes now.
    ///
    /// It is counted as if nobody came after it. Requests of a higher class that do come later go first.
    #[must_use]
    pub fn ahead(&self, priority: Priority) -> usize {
        self.gate.with(|state, now, _| state.ahead(now, priority))
    }

    /// How long until a request goes that has `ahead` others before it, as far as the gate can tell. `None` if
    /// the gate is closed, or has not seen enough requests wait to tell.
    ///
    /// It follows from what is left of a pause, the pace that the limit keeps, and how fast those in line were let
    /// through of late. It is no promise: the API may take less or more from now on.
    ///
    /// # Examples
    ///
    /// A server that calls an API for its own clients, and turns them away with a true `Retry-After` when the
    /// wait is longer than they have:
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use http::{Response, StatusCode, header::RETRY_AFTER};
    /// use tower_throttle::AdaptiveConcurrencyLayer;
    /// use tower_throttle::concurrency::Handle;
    ///
    /// fn turned_away(gate: &Handle) -> Option<Response<()>> {
    ///     let wait = gate.estimate(gate.waiting()).filter(|wait| wait.as_secs() >= 10)?;
    ///     let response = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE);
    ///     response.header(RETRY_AFTER, wait.as_secs() + 1).body(()).ok()
    /// }
    ///
    /// let gate = AdaptiveConcurrencyLayer::new().handle();
    /// assert_eq!(gate.estimate(0), Some(Duration::ZERO));
    /// assert!(turned_away(&gate).is_none());
    /// gate.pause(Duration::from_secs(30));
    /// assert_eq!(turned_away(&gate).unwrap().headers()[RETRY_AFTER], "30");
    /// ```
    #[must_use]
    pub fn estimate(&self, ahead: usize) -> Option<Duration> {
        if self.is_closed() {
            return None;
        }
        self.gate.with(|state, now, _| state.estimate(now, ahead))
    }

    /// All these numbers at one moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.gate.with(|state, now, _| state.snapshot(now))
    }

    /// Waits for the numbers to change.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.gate))
    }

    /// What was learned so far, to be kept for the next run.
    ///
    /// It is small, and holds findings only: see [`Learnt`]. To export costs as little as a
    /// [`snapshot`](Self::snapshot); do it at the end of a run, and now and then before.
    #[must_use]
    pub fn export(&self) -> Learnt {
        let at = SystemTime::now();
        self.gate.with(|state, now, _| state.export(now, at))
    }

    /// Whether the gate began with what another has [learned](crate::AdaptiveConcurrencyLayer::resume). `false` if
    /// there was nothing, if it was of the future, or since it was [forgotten](Self::forget).
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.gate.with(|state, _, _| state.resumed)
    }

    /// Forgets what was learned: the gate begins anew, at the limit that its layer starts with. For when the API, the
    /// account or the plan is another from now on.
    ///
    /// Bounds stay, and so does a pause: a server asked for that. [`resume`](Self::resume) ends it. What is in flight
    /// was sent to the API as it was, and its refusals teach nothing. Counts go on.
    pub fn forget(&self) {
        self.gate.with(|state, now, wakes| state.forget(now, wakes));
    }

    /// Sets how many requests may be in flight, within the bounds. Learning goes on from there.
    pub fn set_limit(&self, limit: usize) {
        self.gate
            .with(|state, now, wakes| state.set_limit(now, limit, wakes));
    }

    /// Moves the limit by `places` requests in flight and by `rate` requests per second, where another share of an
    /// API's limit is this gate's from now on. Negative numbers take away.
    ///
    /// Unlike [`set_limit`](Self::set_limit), it forgets nothing: what is known is moved with it. A rate changes
    /// nothing where the limit knows none. One that is no finite number counts as 0. See
    /// [`Limit::shift`](super::limit::Limit::shift).
    pub fn shift(&self, places: isize, rate: f64) {
        let rate = if rate.is_finite() { rate } else { 0.0 };
        self.gate
            .with(|state, now, wakes| state.shift(now, places, rate, wakes));
    }

    /// Sets the least that the limit shrinks to; 0 counts as 1. Raises the most if that is less.
    pub fn set_min(&self, min: usize) {
        let min = min.max(1);
        self.gate
            .with(|state, now, wakes| state.set_bounds(now, |_, max| (min, max.max(min)), wakes));
    }

    /// Sets the most that the limit grows to; 0 counts as 1. Lowers the least if that is more.
    pub fn set_max(&self, max: usize) {
        let max = max.max(1);
        self.gate
            .with(|state, now, wakes| state.set_bounds(now, |min, _| (min.min(max), max), wakes));
    }

    /// Lets no request through for at least this long. A pause that lasts longer goes on.
    pub fn pause(&self, wait: Duration) {
        self.gate.with(|state, now, wakes| {
            state.pause(now, wait);
            state.settle(now, wakes);
        });
    }

    /// Closes the gate: no request is let through any more. What is in flight goes on to its end. It cannot
    /// be undone.
    ///
    /// With [`RetryOn429`](crate::RetryOn429) above, close that instead, by
    /// [`RetryHandle::close`](crate::retry::RetryHandle::close): it ends the waits for another attempt too, and
    /// answers with the API's last refusal.
    ///
    /// Requests in line are let out: `poll_ready` becomes ready, and `call` answers without sending, with an empty
    /// `503 Service Unavailable` that has [`Unsent`](crate::message::Unsent) in its extensions, its
    /// [cause](crate::message::Unsent::cause) being
    /// [`Closed`](crate::message::UnsentCause::Closed). So does a service that was ready before. It is no
    /// error, as the gate's error type is the client's, and a `Buffer` fails for all its users once
    /// `poll_ready` gives an error.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use http::{Request, Response};
    /// use tower::{Layer, ServiceExt};
    /// use tower_throttle::AdaptiveConcurrencyLayer;
    /// use tower_throttle::message::Unsent;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Infallible> {
    /// # let http_client = tower::service_fn(async |_: Request<String>| {
    /// #     Ok::<_, Infallible>(Response::new(String::new()))
    /// # });
    /// let layer = AdaptiveConcurrencyLayer::new();
    /// let client = layer.layer(http_client);
    ///
    /// layer.handle().close();
    /// let response = client.oneshot(Request::new(String::new())).await?;
    /// assert_eq!(response.status(), 503);
    /// assert!(Unsent::of(response.extensions()).is_some());
    /// layer.handle().drained().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&self) {
        self.gate.close();
    }

    /// Whether the gate was [closed](Self::close).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    /// Waits until nothing is in flight and the line is empty, whether the gate is closed or not. After
    /// [`close`](Self::close) that is when everything sent has ended. Without a `close` it is the next quiet
    /// moment, such as between two batches.
    ///
    /// A request that waits for another attempt in the retry layer above is neither in flight nor in line:
    /// await [`RetryHandle::drained`](crate::retry::RetryHandle::drained) before this one.
    ///
    /// In flight is what holds a permit. An answer that gave its permit back with its head, because it is
    /// short, may still have to be read. A body that is not read for
    /// [`body_idle`](crate::AdaptiveConcurrencyLayer::body_idle) is not waited for.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with a timer, while bodies hold permits.
    pub async fn drained(&self) {
        self.watch().drained().await;
    }

    /// Ends a pause, whoever began it.
    pub fn resume(&self) {
        self.gate.with(|state, now, wakes| {
            state.resume();
            state.settle(now, wakes);
        });
    }
}
