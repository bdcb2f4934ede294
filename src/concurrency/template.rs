//! A gate, kept to be put before services.

use std::sync::Arc;

use super::body::ReleaseAt;
use super::classify::Classifier;
use super::gate::Gate;
use super::handle::Handle;
use super::service::AdaptiveConcurrency;
use crate::cost::NoCost;

/// What a layer makes services of, without what would make another gate.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(super) gate: Arc<Gate>,
    pub(super) release_at: ReleaseAt,
    pub(super) classifier: Classifier,
}

impl Template {
    /// Puts the gate before a service.
    #[inline]
    pub(crate) fn before<S>(&self, inner: S) -> AdaptiveConcurrency<S> {
        let gate = Arc::clone(&self.gate);
        AdaptiveConcurrency::with_gate(
            inner,
            gate,
            self.release_at,
            self.classifier.clone(),
            NoCost,
        )
    }

    pub(crate) fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.gate))
    }

    /// Whether nothing else has the gate: no request, body, handle or service.
    pub(crate) fn is_sole(&self) -> bool {
        Arc::strong_count(&self.gate) == 1
    }
}
