//! Where the cost of a request comes from.

use http::Request;

use super::amount::Cost;

/// Tells what a request costs.
///
/// Implemented for every closure `Fn(&Req) -> Cost`. It is called when the request is sent, so it should be quick.
/// If it panics, so does the call, and the permit comes back when the service is dropped.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell the cost of requests of type `{Req}`",
    note = "give the layer a closure whose argument has a type: `.cost(|request: &{Req}| Cost::tokens(1))`"
)]
pub trait CostOf<Req> {
    /// Returns the cost of a request. `None` if it is not known: the gate then reserves what the latest ones took
    /// until the answer comes, and charges nothing.
    fn cost(&self, request: &Req) -> Option<Cost>;
}

impl<Req, F> CostOf<Req> for F
where
    F: Fn(&Req) -> Cost,
{
    #[inline]
    fn cost(&self, request: &Req) -> Option<Cost> {
        Some(self(request))
    }
}

/// No cost is told: the default. Nothing is counted but requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCost;

impl<Req> CostOf<Req> for NoCost {
    #[inline]
    fn cost(&self, _: &Req) -> Option<Cost> {
        None
    }
}

/// The [`Cost`] in a request's extensions, put there by whoever made the request.
///
/// ```
/// use tower_throttle::AdaptiveConcurrencyLayer;
/// use tower_throttle::cost::{Cost, FromExtensions};
///
/// let layer = AdaptiveConcurrencyLayer::new().cost(FromExtensions);
///
/// let mut request = http::Request::new(String::from("{}"));
/// request.extensions_mut().insert(Cost::input(1_200).and_output(400));
/// # let _ = layer;
/// ```
///
/// A `reqwest::Request` shows nobody its extensions. For reqwest alone, give the layer a closure that reads the body
/// (`request.body().and_then(reqwest::Body::as_bytes)`); inside a reqwest-middleware client, `ThrottleMiddleware` takes
/// what `with_extension` puts there.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromExtensions;

impl<B> CostOf<Request<B>> for FromExtensions {
    #[inline]
    fn cost(&self, request: &Request<B>) -> Option<Cost> {
        request.extensions().get().copied()
    }
}
