//! The handle.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::policy::Policies;
use super::shared::Shared;

/// How often a handle counts the requests that are not done.
const INTERVAL: Duration = Duration::from_millis(10);

/// Shows whether a layer's circuit breaker is open, and closes the layer. Made by
/// [`RetryOn429Layer::handle`](super::RetryOn429Layer::handle).
///
/// Take it last, from the layer as it is wrapped around the client: a method of the builder makes a layer
/// whose requests count as [`pending`](Self::pending) for themselves.
///
/// To shut down in order, with a gate below: close this layer, not the gate. Then wait for both. This
/// handle does not wait for requests in the gate's line; the gate's handle does.
///
/// ```
/// use tower_throttle::concurrency::Handle;
/// use tower_throttle::retry::RetryHandle;
///
/// async fn shut_down(retries: RetryHandle, gate: Handle) {
///     retries.close(); // nothing is sent any more
///     retries.drained().await; // what was called is answered
///     gate.drained().await; // the line is empty, and no body holds a permit
/// }
/// # drop(shut_down);
/// ```
///
/// A task that was let out of the line may still have to run to see its answer. Join the tasks as well.
#[derive(Clone)]
pub struct RetryHandle {
    shared: Arc<Shared>,
    /// How many requests of the layer are not done.
    pending: Arc<dyn Fn() -> usize + Send + Sync>,
}

impl RetryHandle {
    pub(super) fn new<C, H, K>(policy: &Policies<C, H, K>) -> Self
    where
        C: Send + Sync + 'static,
        H: Send + Sync + 'static,
        K: Send + Sync + 'static,
    {
        let shared = Arc::clone(&policy.shared);
        let policy = Arc::clone(policy);
        Self {
            shared,
            // The policy itself is held once by all layers and services, and once by each request.
            pending: Arc::new(move || Arc::strong_count(&*policy) - 1),
        }
    }

    /// Whether the [circuit breaker](super#the-circuit-breaker) is open: the API serves nobody, and requests
    /// are answered with a copy of the last refusal.
    ///
    /// There is no way to close the circuit breaker by hand. Only an accepted probe does, or a new layer.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shared.circuit.is_open()
    }

    /// How many requests were called and are not answered: those in flight, and those that wait for
    /// another attempt. A request that waits in `poll_ready`, such as in the gate's line, is not called
    /// yet and does not count.
    ///
    /// It counts the requests of this layer, its clones and their services. A layer made from this one by
    /// a method of the builder counts for itself.
    #[must_use]
    pub fn pending(&self) -> usize {
        (self.pending)()
    }

    /// Closes the layer: no request is sent any more. What is in flight goes on to its end, and is not sent
    /// again.
    ///
    /// Requests that wait (in the gate's line, in a pause, for another attempt) and requests that come later
    /// are answered without being sent: with a copy of the last refusal, or with an empty
    /// `503 Service Unavailable` if nothing was ever refused. Both carry
    /// [`Unsent`](crate::message::Unsent). The answer is no error, because the error type is the client's
    /// own, and because a `Buffer` above fails for all its users once `poll_ready` gives an error.
    ///
    /// All clones of the layer are closed with it, those that were configured further too. It cannot be
    /// undone.
    pub fn close(&self) {
        self.shared.circuit.shut();
    }

    /// Whether the layer was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.circuit.is_shut()
    }

    /// Resolves when no request is [pending](Self::pending).
    ///
    /// It counts them every ten milliseconds, so that no request pays for it. It waits neither for requests in the
    /// gate's line nor for bodies that are still being read: await
    /// [`Handle::drained`](crate::concurrency::Handle::drained) of the gate after it. Without a
    /// [`close`](Self::close) before it, it resolves at the next moment at which nothing is pending.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with a timer, if requests are pending.
    pub async fn drained(&self) {
        while self.pending() > 0 {
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

impl fmt::Debug for RetryHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryHandle")
            .field("circuit", &self.shared.circuit)
            .field("pending", &self.pending())
            .finish()
    }
}
