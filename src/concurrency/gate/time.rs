//! The clock and the timer. Under the model, time passes only as far as it is told to.

#[cfg(not(all(test, throttle_loom)))]
pub(super) use self::real::{Sleep, now, sleep};

#[cfg(all(test, throttle_loom))]
pub(super) use super::loom_time::{Sleep, now, sleep};

#[cfg(not(all(test, throttle_loom)))]
mod real {
    use std::time::Duration;

    pub(in crate::concurrency::gate) use tokio::time::Sleep;
    use tokio::time::{Instant, sleep_until};

    use crate::concurrency::limit::Now;

    #[inline]
    pub(in crate::concurrency::gate) fn now(epoch: Instant) -> Now {
        Now::since(epoch)
    }

    pub(in crate::concurrency::gate) fn sleep(epoch: Instant, at: Duration) -> Sleep {
        sleep_until(epoch + at)
    }
}
