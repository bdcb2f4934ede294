// A classifier of errors that the service does not have.
//@ says: does not classify errors of type `Infallible`
//@ says: the inner service has errors of type `Infallible`

use std::convert::Infallible;
use std::io;

use http::{Request, Response};
use http_body_util::Empty;
use tower::{Layer, Service, service_fn};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::retry_errors;

fn is_service<Request, S: Service<Request>>(_: &S) {}

fn main() {
    let client = service_fn(async |_: Request<String>| {
        Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
    });
    let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    let client = RetryOn429Layer::new()
        .classify(retry_errors(timed_out))
        .layer(client);
    is_service::<Request<String>, _>(&client);
}
