//! What a key costs: `cargo test --release --test keyed alloc -- --nocapture`.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::advance;
use tower::{Layer, Service, service_fn};
use tower_throttle::keyed::{Host, KeyedLayer};

type Answered = Ready<Result<Response<Full<Bytes>>, Infallible>>;

fn inner(_: Request<()>) -> Answered {
    ready(Ok(Response::new(Full::new(Bytes::from_static(b"body")))))
}

fn call<S>(service: &mut S, request: Request<()>)
where
    S: Service<Request<()>, Error = Infallible>,
{
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(service.poll_ready(cx).is_ready());
    let Poll::Ready(Ok(_)) = pin!(service.call(request)).poll(cx) else {
        panic!("it is ready at once")
    };
}

#[test]
fn a_call_of_a_key_that_is_known_allocates_nothing() {
    let layer = KeyedLayer::new(Host::of::<Request<()>>);
    let mut service = layer.layer(service_fn(inner));
    let request = || Request::get("https://api.example.com/").body(()).unwrap();
    (0..1_000).for_each(|_| call(&mut service, request()));
    let mut requests: Vec<_> = (0..1_000).map(|_| request()).collect();
    let counted = allocation_counter::measure(|| {
        while let Some(request) = requests.pop() {
            call(&mut service, request);
        }
    });
    assert_eq!(counted.count_total, 0);
}

/// Each request has a key of its own.
fn numbered() -> KeyedLayer<u64, impl Fn(&Request<()>) -> u64 + Clone> {
    let next = Arc::new(AtomicU64::new(0));
    KeyedLayer::new(move |_: &Request<()>| next.fetch_add(1, Relaxed)).max_keys(20_000)
}

#[test]
fn an_idle_key_takes_a_kilobyte_and_a_half() {
    const KEYS: u64 = 10_000;
    let layer = numbered();
    let mut service = layer.layer(service_fn(inner));
    let counted = allocation_counter::measure(|| {
        (0..KEYS).for_each(|_| call(&mut service, Request::new(())));
    });
    let bytes = counted.bytes_current as f64 / KEYS as f64;
    let count = counted.count_current as f64 / KEYS as f64;
    println!("an idle key: {bytes:.0} bytes in {count:.1} allocations");
    assert!(bytes <= 1536.0, "{bytes}");
    assert_eq!(layer.handle().len() as u64, KEYS);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_idle_keys_are_swept_at_once() {
    let mut shortest = Duration::MAX;
    for _ in 0..20 {
        let layer = numbered().idle(Duration::from_secs(60));
        let mut service = layer.layer(service_fn(inner));
        (0..10_000).for_each(|_| call(&mut service, Request::new(())));
        advance(Duration::from_secs(60)).await;
        call(&mut service, Request::new(()));
        assert_eq!(layer.handle().len(), 10_001);
        advance(Duration::from_secs(60)).await;
        // The clock of the test stands still.
        let start = SystemTime::now();
        call(&mut service, Request::new(()));
        shortest = shortest.min(start.elapsed().unwrap_or_default());
        assert_eq!(layer.handle().len(), 1);
    }
    // The shortest, as the machine may be busy.
    println!("10,000 idle keys were swept in {shortest:?}");
}
