//! A pass through an open gate allocates nothing.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::{Layer, Service};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::ReleaseAt;
use tower_throttle::concurrency::limit::{Aimd, Fixed, Gradient2, Limit, Vegas};

type Answer = Ready<Result<Response<Full<Bytes>>, Infallible>>;

/// Sends one request through and reads the answer to its end.
fn call<S, B>(service: &mut S)
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes, Error = Infallible> + Unpin,
{
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(service.poll_ready(cx).is_ready());
    let response = pin!(service.call(Request::new(()))).poll(cx);
    let Poll::Ready(Ok(response)) = response else {
        panic!("it is ready at once")
    };
    let mut body = response.into_body();
    while let Poll::Ready(Some(frame)) = pin!(&mut body).poll_frame(cx) {
        assert!(frame.is_ok());
    }
}

fn allocates_nothing(limit: impl Limit + Clone, release_at: ReleaseAt) {
    let shown = format!("{limit:?} {release_at:?}");
    let layer = AdaptiveConcurrencyLayer::with_limit(limit).release_at(release_at);
    let inner = |_: Request<()>| -> Answer {
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"body")))))
    };
    let mut service = layer.layer(tower::service_fn(inner));
    call(&mut service);
    let counted = allocation_counter::measure(|| {
        for _ in 0..1000 {
            call(&mut service);
        }
    });
    assert_eq!(counted.count_total, 0, "{shown}");
    assert_eq!(layer.handle().accepted(), 1001);
}

#[test]
fn an_uncontended_call_allocates_nothing() {
    for release_at in [ReleaseAt::BodyEnd, ReleaseAt::Headers] {
        allocates_nothing(Fixed::new(4), release_at);
        allocates_nothing(Aimd::new(), release_at);
        allocates_nothing(Vegas::new(), release_at);
        allocates_nothing(Gradient2::new(), release_at);
    }
}

#[test]
fn the_default_allocates_nothing() {
    let inner = |_: Request<()>| -> Answer {
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"body")))))
    };
    let mut service = AdaptiveConcurrencyLayer::new().layer(tower::service_fn(inner));
    // A limit may grow its records as it warms up.
    (0..1000).for_each(|_| call(&mut service));
    let counted = allocation_counter::measure(|| (0..1000).for_each(|_| call(&mut service)));
    assert_eq!(counted.count_total, 0);
}
