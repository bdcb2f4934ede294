// The methods of a `ServiceBuilder` without the feature `util`.
//@ says: `retry_on_429` exists for struct `ServiceBuilder<Identity>`, but its trait bounds were not satisfied
//@ says: `ServiceBuilder<Identity>: ThrottleExt<_>`

use tower::ServiceBuilder;
use tower_throttle::ThrottleExt;

fn main() {
    let _ = ServiceBuilder::new().retry_on_429();
}
