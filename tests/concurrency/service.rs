//! The service's contract: readiness, clones, errors, and that no drop at any moment loses a permit.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::limit::{Headroom, Limit, Load, Now, Outcome, Sent};

use crate::support::*;

/// What the next in line gets when whoever holds the only permit is done in the way of the test.
macro_rules! frees_capacity {
    ($layer:ident, $handle:ident, $second:ident) => {
        assert!($second.is_woken());
        let second = assert_ready_ok!($second.poll());
        assert_eq!($handle.in_flight(), 1);
        drop(second);
        assert_eq!(($handle.in_flight(), $handle.waiting()), (0, 0));
    };
}

#[tokio::test(start_paused = true)]
async fn the_permit_is_acquired_in_poll_ready() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (first, _server) = gated(&layer);
    let second = first.clone();

    let first = assert_ready_ok!(ready(first).poll());
    assert_eq!(handle.in_flight(), 1);
    let mut second = ready(second);
    assert_pending!(second.poll());
    assert_eq!(handle.waiting(), 1);
    drop(first);
    frees_capacity!(layer, handle, second);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_kept_over_many_polls() {
    let layer = fixed(1);
    let (mut service, _server) = gated(&layer);
    let mut task = task::spawn(());
    for _ in 0..3 {
        let ready = task.enter(|cx, _| service.poll_ready(cx));
        assert!(assert_ready!(ready).is_ok());
    }
    assert_eq!(layer.handle().in_flight(), 1);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "poll_ready")]
async fn call_without_readiness_panics() {
    let (mut service, _server) = gated(&fixed(1));
    drop(service.call(Request::new(())));
}

/// Lets everything through, wants no times, and notes with which times it is told of outcomes.
#[derive(Clone, Debug, Default)]
struct Untimed(Arc<Mutex<Vec<Option<Duration>>>>);

impl Limit for Untimed {
    fn headroom(&mut self, _: &Now, load: Load) -> Headroom {
        Headroom::of(self.limit(), load)
    }

    fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {}

    fn wants_time(&self, _: u64, _: Load) -> bool {
        false
    }

    fn on_outcome(&mut self, _: &Now, sent: &Sent, _: Outcome<'_>, _: Load) {
        self.0.lock().unwrap().push(sent.at);
    }

    fn limit(&self) -> usize {
        10
    }

    fn set_limit(&mut self, _: usize) {}

    fn set_bounds(&mut self, _: usize, _: usize) {}
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_wants_no_time_gets_none() {
    let limit = Untimed::default();
    let times = Arc::clone(&limit.0);
    let layer = AdaptiveConcurrencyLayer::with_limit(limit);
    let (unused, _server) = gated(&layer);
    drop(assert_ready_ok!(ready(unused).poll()));
    let (mut given_up, _server) = gated(&layer);
    drop(given_up.ready().await.unwrap().call(Request::new(())));
    assert_eq!(*times.lock().unwrap(), [None, None]);
}

/// Says that there is room now, and has none before ten milliseconds have passed.
#[derive(Clone, Debug)]
struct Promising;

impl Limit for Promising {
    fn headroom(&mut self, now: &Now, _: Load) -> Headroom {
        Headroom::new(
            usize::from(now.get() >= Duration::from_millis(10)),
            Some(now.get()),
        )
    }

    fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {}

    fn on_outcome(&mut self, _: &Now, _: &Sent, _: Outcome<'_>, _: Load) {}

    fn limit(&self) -> usize {
        1
    }

    fn set_limit(&mut self, _: usize) {}

    fn set_bounds(&mut self, _: usize, _: usize) {}
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_promises_room_it_has_not_is_asked_again_later() {
    let layer = AdaptiveConcurrencyLayer::with_limit(Promising);
    let (mut service, _server) = gated(&layer);
    service.ready().await.unwrap();
    assert_eq!(layer.handle().in_flight(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_clone_has_no_permit() {
    let layer = fixed(2);
    let (service, _server) = gated(&layer);
    let service = assert_ready_ok!(ready(service).poll());
    let clone = service.clone();
    assert_eq!(layer.handle().in_flight(), 1);
    let _clone = assert_ready_ok!(ready(clone).poll());
    assert_eq!(layer.handle().in_flight(), 2);
}

#[tokio::test(start_paused = true)]
async fn layer_twice_shares_one_gate() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (one, _server_one) = gated(&layer);
    let (two, _server_two) = gated(&layer.clone());
    let one = assert_ready_ok!(ready(one).poll());
    let mut two = ready(two);
    assert_pending!(two.poll());
    drop(one);
    frees_capacity!(layer, handle, two);
}

#[tokio::test(start_paused = true)]
async fn the_error_keeps_its_type() {
    #[derive(Debug, PartialEq)]
    struct Mine;
    let layer = fixed(1);
    let service = layer.layer(tower::service_fn(|_: Request<()>| async {
        Err::<Response<Body>, Mine>(Mine)
    }));
    let error: Mine = service.oneshot(Request::new(())).await.unwrap_err();
    assert_eq!(error, Mine);
    let seen = layer.handle().snapshot();
    assert_eq!((seen.in_flight, seen.accepted, seen.refused), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_kept_while_the_inner_service_is_not_ready() {
    let layer = fixed(1);
    let (service, mut server) = gated(&layer);
    server.allow(0);
    let mut service = ready(service);
    assert_pending!(service.poll());
    assert_eq!(layer.handle().in_flight(), 1);
    server.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll());
}

#[tokio::test(start_paused = true)]
async fn a_poll_ready_error_of_the_inner_service_releases_the_permit() {
    #[derive(Clone)]
    struct Broken;
    impl Service<Request<()>> for Broken {
        type Response = Response<Body>;
        type Error = &'static str;
        type Future = std::future::Ready<Result<Response<Body>, &'static str>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Err("broken"))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            unreachable!()
        }
    }
    let layer = fixed(1);
    let mut service = layer.layer(Broken);
    let error = std::future::poll_fn(|cx| service.poll_ready(cx)).await;
    assert_eq!(error, Err("broken"));
    assert_eq!(layer.handle().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn service_drop_between_poll_ready_and_call_frees_capacity() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (first, [mut second], _server) = held(&layer);
    drop(first);
    frees_capacity!(layer, handle, second);
}

#[tokio::test(start_paused = true)]
async fn response_future_drop_before_its_first_poll_frees_capacity() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (mut first, [mut second], _server) = held(&layer);
    let response = first.call(Request::new(()));
    drop(response);
    frees_capacity!(layer, handle, second);
}

#[tokio::test(start_paused = true)]
async fn response_future_drop_in_flight_frees_capacity_and_counts_as_nothing() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (mut first, [mut second], _server) = held(&layer);
    let mut response = task::spawn(first.call(Request::new(())));
    assert_pending!(response.poll());
    drop(response);
    frees_capacity!(layer, handle, second);
    assert_eq!((handle.accepted(), handle.refused()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn drop_while_waiting_passes_the_baton() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (first, [second, mut third], _server) = held(&layer);
    drop(second);
    assert_eq!(handle.waiting(), 1);
    assert_pending!(third.poll());
    drop(first);
    frees_capacity!(layer, handle, third);
}

#[tokio::test(start_paused = true)]
async fn drop_of_a_called_waiter_passes_the_baton() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (first, [second, mut third], _server) = held(&layer);
    drop(first);
    assert!(second.is_woken());
    drop(second);
    frees_capacity!(layer, handle, third);
}

#[tokio::test(start_paused = true)]
async fn a_resolved_future_holds_no_permit() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (first, mut server) = gated(&layer);
    let mut first = assert_ready_ok!(ready(first).poll());
    let mut response = task::spawn(first.call(Request::new(())));
    assert_pending!(response.poll());
    let (_, answering) = server.next_request().await.unwrap();
    answering.send_response(answer(429));
    let _refused = assert_ready_ok!(response.poll());
    assert_eq!(handle.in_flight(), 0, "although the future is still there");
}

#[tokio::test(start_paused = true)]
async fn response_error_frees_capacity() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (mut first, [mut second], mut server) = held(&layer);
    let mut response = task::spawn(first.call(Request::new(())));
    server.next_request().await.unwrap().1.send_error("gone");
    assert!(assert_ready!(response.poll()).is_err());
    frees_capacity!(layer, handle, second);
}

#[tokio::test(start_paused = true)]
async fn a_response_with_its_body_unread_frees_capacity_when_dropped() {
    let layer = fixed(1);
    let handle = layer.handle();
    let (mut first, [mut second], mut server) = held(&layer);
    let mut response = task::spawn(first.call(Request::new(())));
    let (_, answering) = server.next_request().await.unwrap();
    answering.send_response(answer(200));
    let response = assert_ready_ok!(response.poll());
    assert_eq!((handle.in_flight(), handle.accepted()), (1, 1));
    assert!(!second.is_woken());
    drop(response);
    frees_capacity!(layer, handle, second);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_inner_call_frees_capacity() {
    let layer = fixed(1);
    let handle = layer.handle();
    let mut service = layer.layer(tower::service_fn(
        |_: Request<()>| -> std::future::Ready<Result<Response<Body>, Infallible>> {
            panic!("the inner service's fault")
        },
    ));
    let mut second = ready(service.clone());
    service.ready().await.unwrap();
    assert_pending!(second.poll());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(service.call(Request::new(()))))).is_err());
    frees_capacity!(layer, handle, second);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_inner_future_frees_capacity() {
    let layer = fixed(1);
    let handle = layer.handle();
    let service = layer.layer(tower::service_fn(|_: Request<()>| async {
        if true {
            panic!("the inner future's fault");
        }
        Ok::<_, Infallible>(answer(200))
    }));
    let panicked = tokio::spawn(service.clone().oneshot(Request::new(()))).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(handle.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_may_go_while_others_wait() {
    let layer = fixed(1);
    let (first, [mut second], _server) = held(&layer);
    drop(layer);
    drop(first);
    assert!(second.is_woken());
    assert_ready_ok!(second.poll());
}

#[tokio::test(start_paused = true)]
async fn the_stack_works_in_tower_s_own_builder() {
    let service = tower::ServiceBuilder::new()
        .buffer(4)
        .layer(AdaptiveConcurrencyLayer::new())
        .service(server(Duration::from_millis(10)));
    let response = service.oneshot(Request::new(())).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "some body");
}
