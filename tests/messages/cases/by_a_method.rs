// A body that is not `Clone`, with the layer as a method.
//@ says: `RetryOn429` cannot copy requests of type `http::Request<Stream>` for another attempt
//@ says: wrap a stream in `ReplayBody`, or in `SingleUse`

use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::Empty;
use tower::service_fn;
use tower_throttle::ThrottleExt;

struct Stream;

fn main() {
    let client = service_fn(async |_: Request<Stream>| {
        Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
    });
    let _ = client.retry_on_429();
}
