// A classifier where a hook is expected.
//@ says: expected a `Fn(Refusal<'_>, &http::Request<String>)` closure, found `RefusalsOnly`

use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::Empty;
use tower::{Layer, Service, service_fn};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::RefusalsOnly;

fn is_service<Request, S: Service<Request>>(_: &S) {}

fn main() {
    let client = service_fn(async |_: Request<String>| {
        Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
    });
    let client = RetryOn429Layer::new()
        .on_refusal(RefusalsOnly)
        .layer(client);
    is_service::<Request<String>, _>(&client);
}
