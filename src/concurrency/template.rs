//! A gate, kept to be put before services.

use std::any::{Any, TypeId};
use std::sync::Arc;

use super::body::ReleaseAt;
use super::classify::Classifier;
use super::gate::Gate;
use super::handle::Handle;
use super::service::AdaptiveConcurrency;
use crate::cost::{Cost, CostOf, NoCost};

/// What a layer makes services of, without what would make another gate.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(super) gate: Arc<Gate>,
    pub(super) release_at: ReleaseAt,
    pub(super) classifier: Classifier,
    pub(super) costs: Costs,
}

/// What tells the cost of a request, with its type forgotten: only the services know that.
#[derive(Clone, Debug)]
pub(super) struct Costs(Option<Arc<dyn Any + Send + Sync>>);

impl Costs {
    pub(super) fn new<C: Send + Sync + 'static>(cost: C) -> Self {
        let is_told = TypeId::of::<C>() != TypeId::of::<NoCost>();
        Self(is_told.then(|| Arc::new(cost) as _))
    }
}

impl Template {
    /// Puts the gate before a service. What its requests cost has to be announced.
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

    /// What a request costs, if that is told by a `C`.
    #[inline]
    pub(crate) fn cost<C, Request>(&self, request: &Request) -> Option<Cost>
    where
        C: CostOf<Request> + 'static,
    {
        let costs = self.costs.0.as_ref()?;
        costs.downcast_ref::<C>()?.cost(request)
    }

    pub(crate) fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.gate))
    }

    /// Whether nothing else has the gate: no request, body, handle or service.
    pub(crate) fn is_sole(&self) -> bool {
        Arc::strong_count(&self.gate) == 1
    }
}
