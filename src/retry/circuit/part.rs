//! What one request holds of the circuit.

use std::sync::Arc;
use std::task::Waker;

use tokio::time::Instant;

use super::probe::Open;
use crate::retry::pause::Shared;

/// The part that one request has in the circuit. Given up when dropped.
pub(in crate::retry) struct Part {
    shared: Arc<Shared>,
    /// It was refused, and is not done: the time of an outage runs.
    pub(super) is_trying: bool,
    /// It is the probe of the time with this number that the circuit is open.
    pub(super) probe_of: Option<u64>,
}

/// A waker that is kept while its owner waits.
pub(in crate::retry) struct Registration {
    pub(super) shared: Arc<Shared>,
    pub(super) key: u64,
}

impl Part {
    pub(in crate::retry) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            is_trying: false,
            probe_of: None,
        }
    }

    pub(in crate::retry) fn is_probe(&self) -> bool {
        self.probe_of.is_some()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_trying && self.probe_of.is_none() {
            return;
        }
        let mut state = self.shared.circuit.lock();
        if self.is_trying {
            state.outage.leave(Instant::now());
        }
        // Given up, or ended in another way than by a refusal: the next request may probe.
        let woken = state.probe_ended(self.probe_of.take(), Open::probe_lost);
        drop(state);
        woken.into_values().for_each(Waker::wake);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let waker = self.shared.circuit.lock().waiting.remove(&self.key);
        drop(waker);
    }
}
