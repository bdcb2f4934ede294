// The trait of the feature `util`, which is not enabled.
//@ says: no `ThrottleBuilderExt` in the root
//@ says: the item is gated behind the `util` feature

use tower::ServiceBuilder;
use tower_throttle::ThrottleBuilderExt;

fn main() {
    let _ = ServiceBuilder::new().layer(());
}
