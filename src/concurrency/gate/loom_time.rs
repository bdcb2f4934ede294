//! Time in the model: it stands still, or it passes at once when somebody sets a timer.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Id;
use tokio::time::Instant;

use crate::concurrency::limit::Now;

// Made anew for each execution of a model.
loom::lazy_static! {
    static ref PASSES: AtomicBool = AtomicBool::new(false);
    static ref NANOS: AtomicU64 = AtomicU64::new(0);
}

/// From now on, a timer rings as soon as it is set.
pub(super) fn let_time_pass() {
    PASSES.store(true, Ordering::SeqCst);
}

pub(super) fn now(_epoch: Instant) -> Now {
    Now::at(Duration::from_nanos(NANOS.load(Ordering::SeqCst)))
}

pub(super) fn runtime() -> Option<Id> {
    None
}

pub(super) fn sleep(_epoch: Instant, at: Duration) -> Sleep {
    Sleep(at)
}

pub(super) struct Sleep(Duration);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        if !PASSES.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        let at = self.0.as_nanos().try_into().unwrap();
        NANOS.fetch_max(at, Ordering::SeqCst);
        Poll::Ready(())
    }
}
