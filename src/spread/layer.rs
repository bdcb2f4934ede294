//! The layer.

use std::sync::Arc;

use tower_layer::Layer;

use super::health::Shared;
use super::service::Spread;

/// Makes a [`Spread`] of one service: behind each of several layers, a clone of it.
///
/// Each layer is one deployment or one API key: a gate, as a rule below something that directs the request,
/// such as tower's `MapRequestLayer`. See the [module docs](super).
#[derive(Clone, Debug)]
pub struct SpreadLayer<L> {
    layers: Vec<L>,
    shared: Arc<Shared>,
}

impl<L> SpreadLayer<L> {
    /// A layer that has the requests served by whichever of these has room.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn new(layers: impl IntoIterator<Item = L>) -> Self {
        let layers: Vec<L> = layers.into_iter().collect();
        let shared = Arc::new(Shared::new(layers.len()));
        Self { layers, shared }
    }

    /// The layers.
    #[must_use]
    pub fn layers(&self) -> &[L] {
        &self.layers
    }
}

impl<S: Clone, L: Layer<S>> Layer<S> for SpreadLayer<L> {
    type Service = Spread<L::Service>;

    fn layer(&self, inner: S) -> Self::Service {
        let services = self.layers.iter().map(|layer| layer.layer(inner.clone()));
        Spread::with_shared(services.collect(), Arc::clone(&self.shared))
    }
}
