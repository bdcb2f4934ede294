//! A cost that is known before the request is sent.

use super::amount::Cost;
use crate::ask::{self, Ask};

/// Tells a gate below what the request costs for which `poll` asks.
///
/// For a middleware that has the request before it polls the inner service for readiness. The gate then waits
/// until its quotas have room for this cost, and reserves no more. It holds for each poll alone: announce the cost
/// each time. A layer that polls from another task, such as tower's `Buffer`, loses it.
///
/// ```
/// use std::task::{Context, Poll};
///
/// use tower::Service;
/// use tower_throttle::cost::{Cost, announce};
///
/// fn poll_ready<S: Service<Request>, Request>(
///     service: &mut S,
///     cx: &mut Context<'_>,
///     cost: Cost,
/// ) -> Poll<Result<(), S::Error>> {
///     announce(cost, || service.poll_ready(cx))
/// }
/// # let _ = poll_ready::<tower::util::BoxService<(), (), ()>, ()>;
/// ```
pub fn announce<T>(cost: Cost, poll: impl FnOnce() -> T) -> T {
    let ask = Ask {
        cost: Some(cost),
        ..ask::current()
    };
    ask::with(ask, poll)
}
