//! Waits for a gate to change.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::futures::Notified;

use super::gate::Gate;
use super::snapshot::Snapshot;

/// Waits for a gate's numbers to change. Made by [`Handle::watch`](super::Handle::watch).
pub struct Watch {
    gate: Arc<Gate>,
    seen: u64,
}

impl Watch {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        let seen = gate.with(|state, _, _| {
            state.watchers += 1;
            state.version
        });
        Self { gate, seen }
    }

    /// The numbers, when they are not those that this `Watch` gave last, or that there were when it
    /// was made.
    ///
    /// Changes that follow each other closely are told of once. The time that a pause still lasts
    /// changes when it is set or over, not all the time.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with a timer, during a pause.
    pub async fn changed(&mut self) -> Snapshot {
        loop {
            let mut changed = pin!(self.gate.changed());
            changed.as_mut().enable();
            let seen = self.seen;
            let (version, now) = self.gate.with(|state, now, _| {
                let snapshot = state.snapshot(now);
                (state.version, snapshot)
            });
            if version != seen {
                self.seen = version;
                return now;
            }
            changed_or_after(changed, now.pause_remaining).await;
        }
    }

    /// Waits until nothing is in flight and nobody waits.
    pub(super) async fn drained(&self) {
        loop {
            let mut changed = pin!(self.gate.changed());
            changed.as_mut().enable();
            let drained = self.gate.with(|state, now, wakes| {
                let next = state.drained(now, wakes);
                next.map_err(|next| next.map(|at| at.saturating_sub(now.get())))
            });
            match drained {
                Ok(()) => return,
                Err(next) => changed_or_after(changed, next).await,
            }
        }
    }
}

/// Waits for a change, and no longer than this.
async fn changed_or_after(mut changed: Pin<&mut Notified<'_>>, longest: Option<Duration>) {
    let Some(longest) = longest else {
        return changed.await;
    };
    let mut over = pin!(tokio::time::sleep(longest));
    poll_fn(|cx| {
        if changed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        over.as_mut().poll(cx)
    })
    .await;
}

impl Clone for Watch {
    fn clone(&self) -> Self {
        let mut clone = Self::new(Arc::clone(&self.gate));
        clone.seen = self.seen;
        clone
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.gate.with(|state, _, _| state.watchers -= 1);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.gate).finish()
    }
}
