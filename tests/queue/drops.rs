//! Every drop gives one permit back and wakes one.

use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll, Waker};

use tokio_test::{assert_pending, assert_ready_eq};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_throttle::{AdaptiveConcurrencyLayer, QueueLayer};

use crate::support::*;

type Queue = tower_throttle::queue::Queue<
    Client,
    fn(&Req) -> tower_throttle::Priority,
    fn(&Req) -> Option<std::time::Duration>,
>;

fn queue(client: Client) -> Queue {
    let layer = QueueLayer::new().max_wait(secs(100)).max_waiting(10);
    let layer = layer
        .priority(class as fn(&Req) -> _)
        .deadline(time_left as fn(&Req) -> _);
    layer.layer(client)
}

#[tokio::test(start_paused = true)]
async fn a_request_in_flight_that_is_dropped_lets_the_first_in_alone() {
    let (api, seen) = api(secs(1));
    let (client, gate) = client(api, 1);
    let client = queue(client);
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());
    let classes = [("batch", BATCH), ("interactive", INTERACTIVE)];
    let mut line = classes.map(|(name, class)| by_hand(&client, request(name, class)));
    line.iter_mut().for_each(|one| assert_pending!(one.poll()));
    drop(holder);
    assert!(line[1].is_woken());
    // Whoever else was woken finds no room.
    line.iter_mut().for_each(|one| assert_pending!(one.poll()));
    assert_eq!(seen.names(), ["holder", "interactive"]);
    assert_eq!((gate.in_flight(), gate.waiting()), (1, 1));
    drop(line);
    assert_eq!((gate.in_flight(), gate.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_granted_request_that_is_dropped_passes_the_permit_on() {
    let (api, _) = api(secs(1));
    let (client, gate) = client(api, 1);
    let client = queue(client);
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());
    let mut line = [INTERACTIVE, BATCH].map(|class| by_hand(&client, request("x", class)));
    line.iter_mut().for_each(|one| assert_pending!(one.poll()));
    drop(holder);
    let [first, mut second] = line;
    assert!(first.is_woken());
    assert_pending!(second.poll());
    drop(first);
    assert!(second.is_woken());
    assert_pending!(second.poll());
    assert_eq!((gate.in_flight(), gate.waiting()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_in_line_that_is_dropped_wakes_nobody() {
    let (api, _) = api(secs(1));
    let (client, gate) = client(api, 1);
    let client = queue(client);
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());
    let mut line = [INTERACTIVE, BATCH].map(|class| by_hand(&client, request("x", class)));
    line.iter_mut().for_each(|one| assert_pending!(one.poll()));
    let [first, second] = line;
    drop(first);
    assert!(!second.is_woken());
    assert_eq!((gate.in_flight(), gate.waiting()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_future_that_was_never_polled_holds_no_permit() {
    let (api, seen) = api(secs(1));
    let (client, gate) = client(api, 1);
    let mut service = queue(client);
    service.ready().await.unwrap();
    let future = service.call(request("x", BATCH));
    assert_eq!((gate.in_flight(), gate.waiting()), (0, 0));
    drop(future);
    assert!(seen.names().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_dropped_in_its_backoff_leaves_nothing() {
    let (api, _) = api_that(ms(1), |_, _| true);
    let (client, gate) = client(api, 1);
    let client = queue(client);
    let mut refused = by_hand(&client, request("x", BATCH));
    assert_pending!(refused.poll());
    tokio::time::advance(ms(1)).await;
    assert_pending!(refused.poll());
    assert_eq!((gate.in_flight(), gate.refused()), (0, 1));
    drop(refused);
    assert_eq!((gate.in_flight(), gate.waiting()), (0, 0));
    assert_eq!(gate.estimate(0), Some(secs(0)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_below_leaves_no_class_behind_and_returns_the_permit() {
    let gate =
        AdaptiveConcurrencyLayer::with_limit(tower_throttle::concurrency::limit::Fixed::new(1));
    let panics = service_fn(
        |_: Req| -> std::future::Ready<Result<Res, std::convert::Infallible>> { panic!("inner") },
    );
    let urgent = QueueLayer::new().priority(|_: &Req| INTERACTIVE.strict(9));
    let mut service = urgent.layer(gate.layer(panics));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(service.poll_ready(cx).is_ready());
    let mut future = Box::pin(service.call(request("x", BATCH)));
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
    assert!(panicked.is_err());
    drop(future);
    assert_eq!(gate.handle().in_flight(), 0);

    // A request of this thread that names no class is not before one that does.
    let (api, seen) = api(secs(1));
    let client = gate.layer(api);
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());
    let mut normal = by_hand(&client, request("normal", BATCH));
    assert_pending!(normal.poll());
    let mut interactive = by_hand(&of_class(&client, INTERACTIVE), request("x", BATCH));
    assert_pending!(interactive.poll());
    drop(holder);
    assert!(interactive.is_woken());
    assert_pending!(normal.poll());
    assert_pending!(interactive.poll());
    assert_eq!(seen.names(), ["holder", "x"]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_lets_all_classes_out() {
    let (api, _) = api(secs(1));
    let (client, gate) = client(api, 1);
    let client = queue(client);
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());
    let mut line = [INTERACTIVE, BATCH, BATCH.strict(3)].map(|class| {
        let mut one = by_hand(&client, request("x", class));
        assert_pending!(one.poll());
        one
    });
    gate.close();
    for one in &mut line {
        assert!(one.is_woken());
        assert_ready_eq!(one.poll(), Ok(503));
    }
    assert_eq!(gate.waiting(), 0);
    assert_eq!(gate.estimate(0), None);
    let Poll::Pending = holder.poll() else {
        panic!("what is in flight goes on");
    };
}
