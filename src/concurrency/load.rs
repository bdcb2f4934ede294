//! How busy a gate is, for tower's `balance`.

use tower::load::Load;

use super::service::AdaptiveConcurrency;

/// What share of its limit a gate would use with one more request: requests in flight and in line, and one, by
/// the limit. Infinite in a pause, and for a gate that is closed.
///
/// So tower's `balance::p2c` sends to whichever of two gates has more room. See
/// [`guide::keys`](crate::guide::keys#with-towers-balance).
impl<S> Load for AdaptiveConcurrency<S> {
    type Metric = f64;

    fn load(&self) -> f64 {
        let handle = self.handle();
        let gate = handle.snapshot();
        if gate.pause_remaining.is_some() || handle.is_closed() {
            return f64::INFINITY;
        }
        (gate.in_flight + gate.waiting + 1) as f64 / gate.limit as f64
    }
}
