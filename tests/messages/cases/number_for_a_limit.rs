// A number where a limit is expected.
//@ says: is no limit of requests in flight
//@ says: give the layer `Fixed::new(number)`

use tower_throttle::AdaptiveConcurrencyLayer;

fn main() {
    let _ = AdaptiveConcurrencyLayer::with_limit(5);
}
