// A preset for errors that implement no `Error`, as a `BoxError` does not.
//@ says: does not classify errors of type `Box<dyn std::error::Error + Send + Sync>`
//@ says: `Preset`, for a `BoxError`, needs a closure

use http::{Request, Response};
use http_body_util::Empty;
use tower::{BoxError, Layer, Service, service_fn};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::Preset;

fn is_service<Request, S: Service<Request>>(_: &S) {}

fn main() {
    let client = service_fn(async |_: Request<String>| {
        Ok::<_, BoxError>(Response::new(Empty::<bytes::Bytes>::new()))
    });
    let client = RetryOn429Layer::new()
        .classify(Preset::idempotent_failures())
        .layer(client);
    is_service::<Request<String>, _>(&client);
}
