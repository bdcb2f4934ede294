//! What all requests through one layer share: the pause, the circuit, and how long answers take.

use std::fmt;
use std::sync::Arc;

use super::circuit::Circuit;
use super::latency::Latency;
use super::pause::Pause;

/// Shared by a layer, its clones, and every service it made.
pub(super) struct Shared {
    pub(super) pause: Pause,
    /// In an `Arc`, as each request that has a part in it must find it when it is dropped.
    pub(super) circuit: Arc<Circuit>,
    pub(super) latency: Latency,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            pause: Pause::new(),
            circuit: Arc::new(Circuit::new()),
            latency: Latency::default(),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("paused", &self.pause.until().is_some())
            .field("circuit", &self.circuit)
            .finish()
    }
}
