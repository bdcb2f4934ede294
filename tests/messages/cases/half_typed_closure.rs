// A closure of which one argument has no type.
//@ says: type annotations needed
//@ says: refusal: /* Type */
use http::Request;
use tower_throttle::RetryOn429Layer;

fn main() {
    let _ = RetryOn429Layer::new().on_refusal(|refusal, request: &Request<String>| {
        (refusal.status() == 401).then(|| std::future::ready(Some(request.clone())))
    });
}
