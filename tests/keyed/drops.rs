//! Every drop at every moment gives back the ticket, the place and the permit.

use http_body_util::BodyExt;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Service, ServiceExt};
use tower_throttle::keyed::KeyedHandle;

use crate::support::{Api, Client, by_path, client, secs, to};

/// A client of which one request is in flight, and may stay so.
async fn busy() -> (Client, KeyedHandle<String>) {
    let layer = by_path(1).max_waiting(4);
    let client = client(&layer, Api::serving(secs(1_000)));
    tokio::spawn(client.clone().oneshot(to("a")));
    tokio::task::yield_now().await;
    (client, layer.handle())
}

fn is_as_before(gates: &KeyedHandle<String>) {
    let gate = gates.get(&"a".to_owned()).unwrap();
    assert_eq!(
        (gates.waiting(), gate.waiting(), gate.in_flight()),
        (0, 0, 1)
    );
}

async fn called(client: &Client) -> <Client as Service<crate::support::Req>>::Future {
    let mut client = client.clone();
    client.ready().await.unwrap().call(to("a"))
}

#[tokio::test(start_paused = true)]
async fn a_ready_service_that_is_dropped_gives_its_ticket_back() {
    let (client, gates) = busy().await;
    let mut ready = client.clone();
    ready.ready().await.unwrap();
    assert_eq!(gates.waiting(), 1);
    assert_eq!(
        format!("{:?}", ready.clone()),
        "Keyed { inner: Api, has_ticket: false, .. }"
    );
    drop(ready);
    is_as_before(&gates);
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_dropped_unpolled_gives_its_ticket_back() {
    let (client, gates) = busy().await;
    let future = called(&client).await;
    assert_eq!(gates.waiting(), 1);
    drop(future);
    is_as_before(&gates);
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_dropped_in_line_gives_ticket_and_place_back() {
    let (client, gates) = busy().await;
    let mut future = task::spawn(called(&client).await);
    assert_pending!(future.poll());
    assert_eq!(gates.get(&"a".to_owned()).unwrap().waiting(), 1);
    drop(future);
    is_as_before(&gates);
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_dropped_when_its_turn_came_lets_the_next_one_go() {
    let (client, gates) = busy().await;
    let mut first = task::spawn(called(&client).await);
    let mut second = task::spawn(called(&client).await);
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    gates.get(&"a".to_owned()).unwrap().set_limit(2);
    assert!(first.is_woken());
    drop(first);
    assert!(second.is_woken());
    assert_pending!(second.poll());
    let gate = gates.get(&"a".to_owned()).unwrap();
    assert_eq!(
        (gates.waiting(), gate.waiting(), gate.in_flight()),
        (0, 0, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_dropped_in_flight_gives_its_permit_back() {
    let (client, gates) = busy().await;
    gates.get(&"a".to_owned()).unwrap().set_limit(2);
    let mut future = task::spawn(called(&client).await);
    assert_pending!(future.poll());
    let gate = gates.get(&"a".to_owned()).unwrap();
    assert_eq!(
        (gates.waiting(), gate.in_flight()),
        (0, 2),
        "the ticket went with the wait"
    );
    drop(future);
    is_as_before(&gates);
}

#[tokio::test(start_paused = true)]
async fn a_body_keeps_the_permit_and_no_ticket() {
    let layer = by_path(1);
    let client = client(&layer, Api::new(|_| (secs(1), crate::support::status(200))));
    let answer = client.clone().oneshot(to("a")).await.unwrap();
    assert_eq!(layer.handle().waiting(), 0);
    answer.into_body().collect().await.unwrap();
    assert_eq!(layer.handle().total().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_waits_for_a_ticket_gives_its_place_up() {
    let layer = by_path(1).max_waiting(1);
    let client = client(&layer, Api::serving(secs(1)));
    let mut holder = client.clone();
    holder.ready().await.unwrap();
    let mut first = task::spawn(client.clone());
    let mut second = task::spawn(client.clone());
    for service in [&mut first, &mut second] {
        assert_pending!(service.enter(|cx, mut client| client.poll_ready(cx)));
    }
    drop(first);
    assert!(!second.is_woken());
    drop(holder);
    assert!(second.is_woken());
    assert_ready_ok!(second.enter(|cx, mut client| client.poll_ready(cx)));
}

#[test]
#[should_panic(expected = "without a ticket")]
fn a_call_without_readiness_panics() {
    drop(client(&by_path(1), Api::serving(secs(1))).call(to("a")));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_panics_costs_its_request_and_nothing_else() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use tower::Layer;
    use tower_throttle::keyed::KeyedLayer;

    let layer = KeyedLayer::new(|request: &crate::support::Req| {
        assert_ne!(request.uri().path(), "/poison");
        0
    })
    .max_waiting(1);
    let mut client = layer.layer(Api::serving(secs(1)));
    client.ready().await.unwrap();
    let call = AssertUnwindSafe(|| client.call(to("poison")));
    assert!(catch_unwind(call).is_err());
    // The service is as ready as before.
    client.call(to("a")).await.unwrap();
    assert_eq!(layer.handle().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_cannot_be_made_costs_its_request_and_nothing_else() {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let layer = by_path(1).gates(|key| {
        assert_ne!(key, "poison");
        crate::support::gate(1)
    });
    let mut client = client(&layer, Api::serving(secs(1)));
    client.ready().await.unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| client.call(to("poison")))).is_err());
    client.call(to("a")).await.unwrap();
    assert_eq!((layer.handle().waiting(), layer.handle().len()), (0, 1));
}
