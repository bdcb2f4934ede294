//! The clock and the timer. Under the model, time passes only as far as it is told to.

#[cfg(not(all(test, throttle_loom)))]
pub(super) use self::real::{Sleep, now, runtime, sleep};

#[cfg(all(test, throttle_loom))]
pub(super) use super::loom_time::{Sleep, now, runtime, sleep};

#[cfg(not(all(test, throttle_loom)))]
mod real {
    use std::time::Duration;

    use tokio::runtime::{Handle, Id};
    pub(in crate::concurrency::gate) use tokio::time::Sleep;
    use tokio::time::{Instant, sleep_until};

    use crate::concurrency::limit::Now;

    #[inline]
    pub(in crate::concurrency::gate) fn now(epoch: Instant) -> Now {
        Now::since(epoch)
    }

    /// The runtime that this thread is in.
    pub(in crate::concurrency::gate) fn runtime() -> Option<Id> {
        Handle::try_current().ok().map(|handle| handle.id())
    }

    pub(in crate::concurrency::gate) fn sleep(epoch: Instant, at: Duration) -> Sleep {
        sleep_until(epoch + at)
    }
}
