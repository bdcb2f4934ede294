//! What a `Buffer` does to it.

use tokio::task::JoinSet;
use tower::buffer::Buffer;
use tower::{Layer, ServiceExt};
use tower_throttle::QueueLayer;

use crate::support::*;

/// Documented: the buffer's worker polls for all.
#[tokio::test(start_paused = true)]
async fn the_class_is_lost_in_a_buffer_below() {
    let (api, seen) = api(secs(1));
    let (client, _) = client(api, 1);
    let buffered = Buffer::new(client.clone(), 10);
    let interactive = of_class(&buffered, INTERACTIVE);
    let mut jobs = JoinSet::new();
    for name in ["holder", "normal", "normal"] {
        jobs.spawn(answer(&client, request(name, BATCH)));
    }
    settle().await;
    let late = tokio::spawn(answer(&interactive, request("interactive", BATCH)));
    jobs.join_all().await;
    assert_eq!(late.await.unwrap().unwrap(), 200);
    assert_eq!(seen.names(), ["holder", "normal", "normal", "interactive"]);
}

/// The same: it is sent though its deadline has passed.
#[tokio::test(start_paused = true)]
async fn the_deadline_still_ends_the_wait_above_a_buffer() {
    let (api, seen) = api(secs(10));
    let (client, _) = client(api, 1);
    let buffered = Buffer::new(client.clone(), 1);
    let queue = QueueLayer::new().deadline(|_: &Req| Some(secs(1)));
    let client = queue.layer(buffered);
    let mut jobs = JoinSet::new();
    for name in ["in flight", "at the gate", "buffered", "not ready"] {
        jobs.spawn(answer(&client, request(name, BATCH)));
        settle().await;
    }
    let answers = jobs.join_all().await;
    let failed = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(
        (failed, seen.names().len()),
        (1, 3),
        "the buffer took two, and sends them"
    );
}

#[tokio::test(start_paused = true)]
async fn above_all_layers_a_buffer_loses_nothing() {
    let (api, seen) = api(secs(1));
    let (client, _) = client(api, 1);
    let queue = QueueLayer::new().priority(class).layer(client);
    let buffered = Buffer::new(queue, 10);
    let mut jobs = JoinSet::new();
    for (name, class) in [
        ("holder", BATCH),
        ("batch", BATCH),
        ("interactive", INTERACTIVE),
    ] {
        let buffered = buffered.clone();
        jobs.spawn(async move { buffered.oneshot(request(name, class)).await.unwrap() });
        settle().await;
    }
    jobs.join_all().await;
    assert_eq!(seen.names(), ["holder", "interactive", "batch"]);
}
