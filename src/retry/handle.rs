//! The handle.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::pause::Shared;
use super::policy::Policies;

/// How often a handle looks whether all requests are done.
const LOOK: Duration = Duration::from_millis(10);

/// Shows whether a layer's circuit is open, and closes the layer. Made by
/// [`RetryOn429Layer::handle`](super::RetryOn429Layer::handle).
///
/// To end a program in order:
///
/// ```
/// # async fn end(layer: tower_throttle::RetryOn429Layer) {
/// let handle = layer.handle();
/// handle.close();
/// handle.drained().await;
/// # }
/// ```
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

    /// Whether the API serves nobody, so that requests are answered with a copy of the last refusal.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shared.circuit.is_open()
    }

    /// How many requests were called and are not answered: those in flight, and those that wait for
    /// another attempt.
    ///
    /// It counts the requests of this layer, its clones and their services. A clone that was configured
    /// further counts for itself.
    #[must_use]
    pub fn pending(&self) -> usize {
        (self.pending)()
    }

    /// Sends no request any more. What is in flight ends, and is not sent again.
    ///
    /// Those who wait, and those who come later, are answered without being sent: with a copy of the last
    /// refusal, or with an empty `503 Service Unavailable` if nothing was ever refused. Both carry
    /// [`Unsent`](crate::message::Unsent). It is no error, because the error type is the client's own, and
    /// because a `Buffer` above would die of an error from `poll_ready`. It holds for all clones of the
    /// layer, and cannot be undone.
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
    /// It looks every ten milliseconds, so that requests need not count for it. Bodies of answers that were
    /// handed out may still be read then.
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
            tokio::time::sleep(LOOK).await;
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
