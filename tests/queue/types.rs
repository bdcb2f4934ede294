//! Which public types are Send, Sync, Unpin and Clone, and what they show.

use std::error::Error as _;
use std::fmt::Debug;

use tower::{Layer, ServiceBuilder};
use tower_throttle::queue::{
    NoDeadline, NoPriority, Prioritized, PrioritizedFuture, Priority, PriorityLayer, Queue,
    QueueError, QueueLayer, ResponseFuture,
};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer, ThrottleExt};

use crate::support::*;

fn all<T: Send + Sync + Unpin + Debug + Clone>() {}
fn send<T: Send + Debug>() {}

#[test]
fn auto_traits() {
    all::<Priority>();
    all::<PriorityLayer>();
    all::<Prioritized<()>>();
    all::<QueueLayer>();
    all::<Queue<Client, NoPriority, NoDeadline>>();
    all::<QueueError<std::fmt::Error>>();
    send::<ResponseFuture<Client, Req>>();
    send::<PrioritizedFuture<()>>();
}

#[test]
fn errors_say_what_happened() {
    let error = |error: QueueError<std::fmt::Error>| error.to_string();
    assert_eq!(error(QueueError::Full), "too many requests wait");
    let timed_out = |ahead| QueueError::TimedOut {
        waited: secs(3),
        ahead,
    };
    assert_eq!(error(timed_out(None)), "the request waited for 3s");
    assert_eq!(
        error(timed_out(Some(7))),
        "the request waited for 3s, and 7 were ahead of it"
    );
    let expired = QueueError::Expired { needs: secs(9) };
    assert!(error(expired).ends_with("the wait takes 9s"));
    let inner = QueueError::Inner(std::fmt::Error);
    assert!(inner.source().is_none());
    assert_eq!(inner.to_string(), std::fmt::Error.to_string());
}

#[test]
fn what_is_set_can_be_seen() {
    let layer = QueueLayer::new().max_wait(secs(2)).max_waiting(5);
    let shown = format!("{layer:?}");
    assert!(
        shown.contains("2s") && shown.contains("Waits(5)"),
        "{shown}"
    );
    let shown = format!("{:?}", layer.reject_when_full());
    assert!(shown.contains("Rejects(5)"), "{shown}");
    assert_eq!(PriorityLayer::new(BATCH).layer(()).priority(), BATCH);
    assert!(BATCH.strict(1).outranks(INTERACTIVE) && INTERACTIVE.outranks(BATCH));
    assert!(!BATCH.class(1).outranks(BATCH) && !BATCH.outranks(BATCH.class(1)));
    assert_eq!(Priority::default(), Priority::NORMAL);
}

/// As it is mostly written.
#[tokio::test(start_paused = true)]
async fn a_closure_need_not_name_the_body() {
    let (api, _) = api(secs(1));
    let (client, _) = client(api, 1);
    let queue = QueueLayer::new()
        .priority(|request: &http::Request<_>| {
            request.extensions().get().copied().unwrap_or_default()
        })
        .deadline(|_: &http::Request<_>| Some(secs(9)));
    let client = queue.layer(client);
    assert_eq!(answer(&client, request("x", BATCH)).await, Ok(200));
}

/// The type with closures as function pointers can be written down.
struct Api {
    client: Queue<Client, fn(&Req) -> Priority, NoDeadline>,
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_a_field_and_a_builder_makes_it() {
    let (api, _) = api(secs(1));
    let client = ServiceBuilder::new()
        .layer(QueueLayer::new().priority(class as fn(&Req) -> Priority))
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(api.clone());
    let held = Api { client };
    assert_eq!(answer(&held.client, request("x", BATCH)).await, Ok(200));
    let by_methods = api.adaptive_concurrency().retry_on_429().priority(BATCH);
    assert_eq!(answer(&by_methods, request("x", BATCH)).await, Ok(200));
}
