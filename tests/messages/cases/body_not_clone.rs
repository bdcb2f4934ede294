// A body that is not `Clone`.
//@ says: `RetryOn429` cannot copy requests of type `http::Request<Stream>` for another attempt
//@ says: wrap a stream in `ReplayBody`, or in `SingleUse`

use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::Empty;
use tower::{Layer, Service, service_fn};
use tower_throttle::RetryOn429Layer;

struct Stream;

fn is_service<Request, S: Service<Request>>(_: &S) {}

fn main() {
    let client = service_fn(async |_: Request<Stream>| {
        Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
    });
    let client = RetryOn429Layer::new().layer(client);
    is_service::<Request<Stream>, _>(&client);
}
