//! What one request holds of the circuit.

use std::sync::Arc;
use std::task::Waker;

use tokio::time::Instant;

use super::state::Circuit;

/// The part that one request has in the circuit. Given up when dropped.
pub(in crate::retry) struct Part {
    circuit: Arc<Circuit>,
    /// It was refused, and is not done: the time of an outage runs.
    pub(super) is_trying: bool,
    /// It is the probe with this number.
    pub(super) probe: Option<u64>,
    /// ... and was sent.
    was_sent: bool,
}

/// A waker that is kept while its owner waits.
pub(in crate::retry) struct Registration {
    pub(super) circuit: Arc<Circuit>,
    pub(super) key: u64,
}

impl Part {
    pub(in crate::retry) fn new(circuit: &Arc<Circuit>) -> Self {
        Self {
            circuit: Arc::clone(circuit),
            is_trying: false,
            probe: None,
            was_sent: false,
        }
    }

    pub(in crate::retry) fn is_probe(&self) -> bool {
        self.probe.is_some()
    }

    /// It is sent.
    pub(in crate::retry) fn sent(&mut self) {
        self.was_sent = true;
    }

    /// It becomes the probe with this number.
    pub(super) fn begin_probe(&mut self, number: u64) {
        (self.probe, self.was_sent) = (Some(number), false);
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_trying && self.probe.is_none() {
            return;
        }
        let mut state = self.circuit.lock();
        if self.is_trying {
            state.outage.leave(Instant::now());
        }
        // Given up, or ended in another way than by a refusal: the next request may probe.
        let was_sent = self.was_sent;
        let woken = state.probe_ended(self.probe.take(), |open| open.probe_lost(was_sent));
        drop(state);
        woken.into_values().for_each(Waker::wake);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let waker = self.circuit.lock().waiting.remove(&self.key);
        drop(waker);
    }
}
