//! What a request was charged, to be corrected.

use std::fmt;
use std::sync::Arc;

use http::Extensions;

use super::amount::Cost;

/// What a request was charged by the gate that let it through.
///
/// Left in the extensions of an accepted answer, if the request had a cost. Where the server returns what a request
/// did not take (Anthropic's output tokens, Bedrock), tell the gate what it took in the end, and the rest is
/// free for others at once. Where the server counts what the request may take at most (OpenAI), there is
/// nothing to settle.
///
/// Dropped without that, the charge stands as it is.
///
/// ```
/// use tower_throttle::cost::{Charge, Cost};
///
/// # fn settle<B>(response: &http::Response<B>) {
/// // From the `usage` of the answer.
/// let actual = Cost::input(1_180).and_output(212);
/// if let Some(charge) = Charge::of(response.extensions()) {
///     charge.settle(actual);
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Charge(Arc<dyn Settle>);

/// What a gate does with a charge.
pub(crate) trait Settle: Send + Sync {
    /// Charges this instead of what was charged before.
    fn settle(&self, actual: Cost);

    /// What is charged now.
    fn charged(&self) -> Cost;
}

impl Charge {
    pub(crate) fn new(settle: Arc<dyn Settle>) -> Self {
        Self(settle)
    }

    /// Returns the charge that a gate left in a response's extensions.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Tells the gate what the request took. The last word counts, if there are several.
    pub fn settle(&self, actual: Cost) {
        self.0.settle(actual);
    }

    /// Returns what the request is charged: its cost when it was sent, or what was settled since.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.0.charged()
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Charge").field(&self.cost()).finish()
    }
}
