//! The layer.

use std::fmt;
use std::time::Duration;

use super::request::{NoDeadline, NoPriority};
use super::room::Room;
use crate::cost::NoCost;

/// Decides by request where it stands in a gate's line, and how long it may wait there. See the
/// [module docs](super).
///
/// The layer belongs outside the retries. The inner service must be `Clone`: each request waits in its future,
/// with a clone of its own.
///
/// `P` is what tells the [class](Self::priority), `D` what tells the [deadline](Self::deadline), `C` what tells the
/// [cost](Self::cost). The methods set them. By default the layer changes nothing.
///
/// # State
///
/// How many wait is counted for the layer, its clones, and all services that they wrap. A method that changes the
/// bound starts a new count.
#[derive(Clone)]
pub struct QueueLayer<P = NoPriority, D = NoDeadline, C = NoCost> {
    pub(super) priority: P,
    pub(super) deadline: D,
    pub(super) cost: C,
    pub(super) max_wait: Option<Duration>,
    pub(super) room: Room,
}

impl QueueLayer {
    /// A layer without bounds, classes and deadlines.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            priority: NoPriority,
            deadline: NoDeadline,
            cost: NoCost,
            max_wait: None,
            room: Room::Unbounded,
        }
    }
}

impl<P, D, C> QueueLayer<P, D, C> {
    /// Sets what tells the class of a request. By default the layers above do, such as a
    /// [`PriorityLayer`](super::PriorityLayer), or else it is [`Priority::NORMAL`](super::Priority::NORMAL).
    #[must_use]
    pub fn priority<F>(self, priority: F) -> QueueLayer<F, D, C> {
        QueueLayer {
            priority,
            deadline: self.deadline,
            cost: self.cost,
            max_wait: self.max_wait,
            room: self.room,
        }
    }

    /// Sets what tells how much time a request has, from its call until it is *sent*. `None` for a request
    /// without a deadline, as all are by default.
    ///
    /// Within its class, the request with the earliest deadline goes first. One without stands as if it had to go
    /// within a minute, so that it is not held back for ever.
    ///
    /// A request that cannot be sent in time fails with [`QueueError::Expired`](super::QueueError::Expired): at
    /// once, if the gate is paused for longer, or if too many are ahead even at twice the speed at which the line
    /// moves; else at its deadline. The same holds for a refused request that would be sent again too late. An
    /// attempt that was sent is not cut short. With no time left it fails at once, even at an open gate.
    #[must_use]
    pub fn deadline<F>(self, deadline: F) -> QueueLayer<P, F, C> {
        QueueLayer {
            priority: self.priority,
            deadline,
            cost: self.cost,
            max_wait: self.max_wait,
            room: self.room,
        }
    }

    /// Sets what tells the cost of a request, and announces it to the gate. By default none is told.
    ///
    /// The gate then lets the request go when its quotas have room for exactly that, and charges it: the gate itself
    /// need not be told. If its layer has a [`cost`](crate::AdaptiveConcurrencyLayer::cost) as well, that counts once
    /// the request is sent. See [`cost`](crate::cost#before-the-request-is-known).
    ///
    /// ```
    /// use http::Request;
    /// use tower_throttle::QueueLayer;
    /// use tower_throttle::cost::Cost;
    ///
    /// let layer = QueueLayer::new()
    ///     .cost(|request: &Request<String>| Cost::tokens(request.body().len() as u64 / 4 + 400));
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn cost<F>(self, cost: F) -> QueueLayer<P, D, F> {
        QueueLayer {
            priority: self.priority,
            deadline: self.deadline,
            cost,
            max_wait: self.max_wait,
            room: self.room,
        }
    }

    /// Bounds how long a request waits to be sent for the first time. After that it fails with
    /// [`QueueError::TimedOut`](super::QueueError::TimedOut). Unbounded by default.
    ///
    /// Above a [`KeyedLayer`](crate::KeyedLayer), the wait in the key's line counts as well.
    ///
    /// The time of the call does not count, nor do the retries:
    /// [`RetryOn429Layer::max_time`](crate::RetryOn429Layer::max_time) bounds those.
    #[must_use]
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = Some(wait);
        self
    }

    /// Bounds how many wait to be sent. Unbounded by default.
    ///
    /// `poll_ready` waits while as many wait as are allowed. A service that is ready has a seat from then on, and
    /// its future keeps it until the request is sent: poll the futures, or drop them. 0 counts as 1, unless the
    /// layer [rejects](Self::reject_when_full).
    #[must_use]
    pub fn max_waiting(mut self, most: usize) -> Self {
        self.room = self.room.bounded(most);
        self
    }

    /// Lets `poll_ready` be ready always. A request that would wait when as many wait as
    /// [`max_waiting`](Self::max_waiting) allows fails with [`QueueError::Full`](super::QueueError::Full).
    ///
    /// If it [outranks](super::Priority::outranks) the lowest class that waits, it takes the seat of the last of
    /// that class to come, which fails in its place.
    ///
    /// Without [`max_waiting`](Self::max_waiting) nobody may wait: a request is sent at once, or fails.
    #[must_use]
    pub fn reject_when_full(mut self) -> Self {
        self.room = self.room.rejecting();
        self
    }
}

impl Default for QueueLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<P, D, C> fmt::Debug for QueueLayer<P, D, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueLayer")
            .field("priority", &std::any::type_name::<P>())
            .field("deadline", &std::any::type_name::<D>())
            .field("cost", &std::any::type_name::<C>())
            .field("max_wait", &self.max_wait)
            .field("room", &self.room)
            .finish()
    }
}
