//! Queues, retries and keys in one stack, in any order, and among other layers.

use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::buffer::Buffer;
use tower::{Layer, ServiceExt};
use tower_throttle::queue::{Priority, PriorityLayer};
use tower_throttle::spread::Spread;
use tower_throttle::{KeyedLayer, RetryOn429Layer};

use crate::queued::{api, client, named, queue, send, settle};
use crate::support::{Api, ByPath, Req, by_path, secs, to};

/// The class may be said by a layer between the retries and the keys as well; the nearer one counts.
#[tokio::test(start_paused = true)]
async fn a_class_that_is_said_below_the_retries_holds_in_a_keys_line() {
    let (api, seen) = api(|_, _| false);
    let keys = by_path(1);
    let of = |class| {
        let classed = PriorityLayer::new(class).layer(keys.layer(api.clone()));
        PriorityLayer::new(Priority::NORMAL).layer(RetryOn429Layer::new().layer(classed))
    };
    let (interactive, batch) = (of(Priority::INTERACTIVE), of(Priority::BATCH));
    let mut jobs = JoinSet::new();
    for (client, name) in [
        (&batch, "holder"),
        (&batch, "batch"),
        (&batch, "batch"),
        (&interactive, "interactive"),
    ] {
        let sent = client.clone().oneshot(named("a", name, Priority::NORMAL));
        jobs.spawn(async move { sent.await.unwrap().status() });
        settle().await;
    }
    jobs.join_all().await;
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, ["holder", "interactive", "batch", "batch"]);
}

/// A service that was made ready before has its ticket, but no place yet: who calls it says the class.
#[tokio::test(start_paused = true)]
async fn a_service_that_was_ready_before_takes_the_class_of_the_layer_that_calls_it() {
    let (api, seen) = api(|_, _| false);
    let client = by_path(1).layer(api);
    let mut jobs = JoinSet::new();
    for name in ["holder", "normal"] {
        let sent = client.clone().oneshot(named("a", name, Priority::NORMAL));
        jobs.spawn(async move { sent.await.unwrap().status() });
        settle().await;
    }
    let mut ready = client.clone();
    ServiceExt::<Req>::ready(&mut ready).await.unwrap();
    let interactive = PriorityLayer::new(Priority::INTERACTIVE.strict(1)).layer(ready);
    let sent = interactive.oneshot(named("a", "interactive", Priority::NORMAL));
    jobs.spawn(async move { sent.await.unwrap().status() });
    jobs.join_all().await;
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, ["holder", "interactive", "normal"]);
}

#[tokio::test(start_paused = true)]
async fn a_buffer_above_all_of_them_loses_no_class() {
    let (api, seen) = api(|_, _| false);
    let client = Buffer::new(client(&queue(), &by_path(1), api), 10);
    let mut jobs = JoinSet::new();
    for (name, class) in [
        ("holder", Priority::BATCH),
        ("batch", Priority::BATCH),
        ("interactive", Priority::INTERACTIVE),
    ] {
        let sent = client.clone().oneshot(named("a", name, class));
        jobs.spawn(async move { sent.await.unwrap().status() });
        settle().await;
    }
    jobs.join_all().await;
    assert_eq!(*seen.lock().unwrap(), ["holder", "interactive", "batch"]);
}

/// Behind its share of the keyed layer's bound, a key's requests wait all the same within the queue's.
#[tokio::test(start_paused = true)]
async fn a_request_beyond_its_keys_share_is_bounded_too() {
    let keys = by_path(1).max_waiting(2);
    let client = client(&queue().max_wait(secs(3)), &keys, Api::serving(secs(10)));
    let mut jobs = JoinSet::new();
    for _ in 0..10 {
        jobs.spawn(send(&client, to("a")));
    }
    settle().await;
    assert_eq!(
        (keys.handle().waiting(), keys.handle().total().waiting),
        (1, 9)
    );
    assert_eq!(send(&client, to("b")).await, Ok(200));
    let answers = jobs.join_all().await;
    let timed_out = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(timed_out, 9, "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_panics_costs_its_own_request_and_no_seat() {
    let keys = KeyedLayer::new(
        (|request: &Req| {
            let key = request.uri().path()[1..].to_owned();
            assert_ne!(key, "panics");
            key
        }) as ByPath,
    );
    let handle = keys.handle();
    let client = client(&queue().max_waiting(1), &keys, Api::serving(secs(1)));
    for _ in 0..3 {
        let failed = tokio::spawn(send(&client, to("panics"))).await;
        assert!(failed.unwrap_err().is_panic());
        assert_eq!((handle.len(), handle.waiting()), (0, 0));
    }
    assert_eq!(send(&client, to("a")).await, Ok(200));
}

/// Documented: a keyed layer is ready without its key's gate, so a spread above it sees no line.
#[tokio::test(start_paused = true)]
async fn a_spread_above_keys_takes_turns_and_does_not_see_a_pause() {
    let keys = [by_path(1), by_path(1)];
    let api = Api::serving(secs(1));
    let client = Spread::new(keys.each_ref().map(|keys| keys.layer(api.clone())));
    for _ in 0..2 {
        client.clone().oneshot(to("a")).await.unwrap();
    }
    keys[0]
        .handle()
        .get(&"a".to_owned())
        .unwrap()
        .pause(secs(60));
    let start = Instant::now();
    let sent = (0..2).map(|_| client.clone().oneshot(to("a")));
    futures_util::future::join_all(sent).await;
    assert_eq!(start.elapsed(), secs(61));
}

/// An answer is late by the time since it was sent: a wait in its key's line does not keep a `POST` from its retry.
#[tokio::test(start_paused = true)]
async fn the_wait_in_a_keys_line_does_not_make_a_refusal_late() {
    let (api, seen) = api(|name, before| name == "post" && before == 8);
    let client = client(&queue(), &by_path(1), api);
    let mut jobs = JoinSet::new();
    for _ in 0..8 {
        jobs.spawn(send(&client, named("a", "get", Priority::NORMAL)));
        settle().await;
    }
    let mut post = named("a", "post", Priority::NORMAL);
    *post.method_mut() = http::Method::POST;
    assert_eq!(send(&client, post).await, Ok(200));
    assert_eq!(seen.lock().unwrap().len(), 10);
}
