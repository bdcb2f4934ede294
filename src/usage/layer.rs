//! The layer.

use tower_layer::Layer;

use super::provider::Usage;
use super::service::ReadUsage;

/// Settles what requests were charged by what their answers say. See the [module docs](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageLayer {
    usage: Usage,
}

impl UsageLayer {
    /// A layer for the answers of this provider.
    #[must_use]
    pub const fn new(usage: Usage) -> Self {
        Self { usage }
    }
}

impl<S> Layer<S> for UsageLayer {
    type Service = ReadUsage<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ReadUsage::new(inner, self.usage)
    }
}
