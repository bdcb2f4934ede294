//! A pass through an observed gate allocates nothing either.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service};
use tower_throttle::observe::{Event, Source};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

type Answer = Ready<Result<Response<Full<Bytes>>, Infallible>>;

/// The allocations of a thousand requests.
fn allocations<S: Service<Request<()>>>(mut service: S) -> u64 {
    let cx = &mut Context::from_waker(Waker::noop());
    let mut call = || {
        assert!(service.poll_ready(cx).is_ready());
        assert!(pin!(service.call(Request::new(()))).poll(cx).is_ready());
    };
    // A limit may grow its records as it warms up.
    (0..1000).for_each(|_| call());
    allocation_counter::measure(|| (0..1000).for_each(|_| call())).count_total
}

#[test]
fn an_observed_request_allocates_nothing_more() {
    let inner = |_: Request<()>| -> Answer {
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"body")))))
    };
    let told = Arc::new(AtomicUsize::new(0));
    let observer = || {
        let told = Arc::clone(&told);
        move |_: Source<'_>, _: &Event<'_>| {
            told.fetch_add(1, Relaxed);
        }
    };
    let gate = AdaptiveConcurrencyLayer::new;
    let retries = RetryOn429Layer::new;
    let service = || tower::service_fn(inner);
    assert_eq!(allocations(gate().observe(observer()).layer(service())), 0);
    assert_eq!(told.load(Relaxed), 2000 * 3);
    assert_eq!(
        allocations(retries().observe(observer()).layer(service())),
        allocations(retries().layer(service())),
    );
    assert_eq!(told.load(Relaxed), 2000 * 4);
}
