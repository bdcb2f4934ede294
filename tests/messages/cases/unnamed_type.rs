// A layer with a closure, as a field without one.
//@ says: expected struct `RetryOn429Layer<RefusalsOnly>`
//@ says: found struct `RetryOn429Layer<{closure@

use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::{Decision, Head};

struct Api {
    retries: RetryOn429Layer,
}

fn main() {
    let retries =
        RetryOn429Layer::new().classify(|_: Result<Head<'_>, &std::io::Error>| Decision::Default);
    let _ = Api { retries };
}
