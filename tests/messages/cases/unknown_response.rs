// A response that the layers do not know.
//@ says: `String` is no HTTP response that a layer of tower-throttle can wrap
//@ says: with the feature `reqwest` of tower-throttle

use std::convert::Infallible;

use http::Request;
use tower::{Layer, Service, service_fn};
use tower_throttle::AdaptiveConcurrencyLayer;

fn is_service<Request, S: Service<Request>>(_: &S) {}

fn main() {
    let client = service_fn(async |_: Request<String>| Ok::<_, Infallible>(String::new()));
    let client = AdaptiveConcurrencyLayer::new().layer(client);
    is_service::<Request<String>, _>(&client);
}
