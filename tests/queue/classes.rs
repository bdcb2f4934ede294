//! Who goes first.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready_eq};
use tower::Layer;
use tower_throttle::QueueLayer;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn an_interactive_request_goes_next_before_a_batch() {
    let (api, seen) = api(secs(1));
    let (client, _) = client(api, 1);
    let (interactive, batch) = (of_class(&client, INTERACTIVE), of_class(&client, BATCH));
    let mut jobs = JoinSet::new();
    for _ in 0..100 {
        jobs.spawn(answer(&batch, request("batch", BATCH)));
    }
    settle().await;
    let start = Instant::now();
    assert_eq!(
        answer(&interactive, request("urgent", INTERACTIVE)).await,
        Ok(200)
    );
    assert_eq!(start.elapsed(), secs(2));
    assert_eq!(seen.names()[1], "urgent");
    jobs.join_all().await;
}

/// How many of the first 170 in a line of both are interactive.
async fn shares(interactive: tower_throttle::Priority, batch: tower_throttle::Priority) -> usize {
    let (api, seen) = api(ms(10));
    let (client, _) = client(api, 1);
    let client = QueueLayer::new().priority(class).layer(client);
    let mut jobs = JoinSet::new();
    for _ in 0..200 {
        jobs.spawn(answer(&client, request("batch", batch)));
        jobs.spawn(answer(&client, request("interactive", interactive)));
    }
    jobs.join_all().await;
    // The first met an open gate.
    let names = seen.names();
    names[1..171]
        .iter()
        .filter(|name| *name == "interactive")
        .count()
}

#[tokio::test(start_paused = true)]
async fn classes_share_by_weight_and_strict_ones_do_not() {
    assert_eq!(shares(INTERACTIVE, BATCH).await, 160);
    assert_eq!(shares(BATCH, BATCH.class(1)).await, 85);
    assert_eq!(
        shares(BATCH.weight(0), BATCH).await,
        85,
        "one class: as they came"
    );
    assert_eq!(shares(BATCH.strict(1), INTERACTIVE).await, 170);
}

#[tokio::test(start_paused = true)]
async fn without_a_class_all_are_normal_and_first_come_first_served() {
    let (api, seen) = api(ms(10));
    let (client, _) = client(api, 1);
    let mut jobs = JoinSet::new();
    for nth in 0..50 {
        jobs.spawn(answer(&client, request(&format!("{nth}"), INTERACTIVE)));
    }
    jobs.join_all().await;
    let expected: Vec<_> = (0..50).map(|nth| format!("{nth}")).collect();
    assert_eq!(seen.names(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_layer_nearer_to_the_gate_names_the_class() {
    let (api, seen) = api(secs(1));
    let (client, _) = client(api, 1);
    let inner_says = of_class(&of_class(&client, INTERACTIVE), BATCH);
    let outer_says = QueueLayer::new().layer(client.clone());
    let outer_says = of_class(&outer_says, BATCH);
    let mut jobs = JoinSet::new();
    for name in ["first", "normal", "normal"] {
        jobs.spawn(answer(&client, request(name, BATCH)));
    }
    settle().await;
    jobs.spawn(async move {
        Ok(answer(&outer_says, request("batch", INTERACTIVE))
            .await
            .unwrap())
    });
    jobs.spawn(answer(&inner_says, request("interactive", BATCH)));
    jobs.join_all().await;
    assert_eq!(
        seen.names(),
        ["first", "interactive", "normal", "normal", "batch"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_request_of_a_higher_class_does_not_void_a_grant() {
    let (api, seen) = api(secs(1));
    let (client, gate) = client(api, 1);
    let (interactive, batch) = (of_class(&client, INTERACTIVE), of_class(&client, BATCH));
    let holder = by_hand(&client, request("holder", BATCH));
    let mut holder = holder;
    assert_pending!(holder.poll());
    let mut granted = by_hand(&batch, request("batch", BATCH));
    assert_pending!(granted.poll());
    drop(holder);
    assert!(granted.is_woken());
    let mut late = by_hand(&interactive, request("late", INTERACTIVE));
    assert_pending!(late.poll());
    assert_pending!(granted.poll());
    assert_eq!((gate.in_flight(), gate.waiting()), (1, 1));
    assert_eq!(seen.names(), ["holder", "batch"]);
    tokio::time::advance(secs(1)).await;
    assert_ready_eq!(granted.poll(), Ok(200));
    assert!(late.is_woken());
    assert_pending!(late.poll());
    assert_eq!(seen.count("late"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_classes_with_one_request_each_take_turns() {
    let (api, seen) = api(ms(1));
    let (client, _) = client(api, 1);
    let mut jobs = JoinSet::new();
    jobs.spawn(answer(&of_class(&client, BATCH), request("", BATCH)));
    settle().await;
    for round in 0..3 {
        for tenant in 0..1000 {
            let client = of_class(&client, BATCH.class(tenant));
            jobs.spawn(answer(&client, request(&format!("{round}"), BATCH)));
        }
    }
    jobs.join_all().await;
    let names = seen.names();
    assert!(names.is_sorted(), "a round before the next");
    assert_eq!(names.len(), 3001);
}

/// A class for each request is of no use, and harms nobody.
#[tokio::test(start_paused = true)]
async fn fifty_thousand_classes_take_a_time_that_grows_with_their_number() {
    let (api, _) = api(ms(1));
    let (client, gate) = client(api, 1);
    gate.pause(secs(10));
    let mut line: Vec<_> = (0..50_000)
        .map(|id| {
            let client = of_class(&client, BATCH.class(id));
            Some(by_hand(&client, request("x", BATCH)))
        })
        .collect();
    for request in line.iter_mut().flatten() {
        assert_pending!(request.poll());
    }
    assert_eq!(gate.ahead(BATCH.class(60_000)), 50_000);
    line.iter_mut()
        .step_by(2)
        .for_each(|request| *request = None);
    assert_eq!(gate.waiting(), 25_000);
    tokio::time::advance(secs(10)).await;
    gate.set_limit(usize::MAX);
    for request in line.iter_mut().flatten() {
        assert_pending!(request.poll());
    }
    assert_eq!((gate.waiting(), gate.in_flight()), (0, 25_000));
}

#[tokio::test(start_paused = true)]
async fn batch_is_not_starved_by_interactive_overload() {
    let (api, seen) = api(ms(100));
    let (client, _) = client(api, 1);
    let (interactive, batch) = (of_class(&client, INTERACTIVE), of_class(&client, BATCH));
    let mut jobs = JoinSet::new();
    for _ in 0..100 {
        jobs.spawn(answer(&batch, request("batch", BATCH)));
    }
    // Twice of what is served.
    for _ in 0..2000 {
        jobs.spawn(answer(&interactive, request("interactive", INTERACTIVE)));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A seventeenth of 1,000.
    let served = seen.count("batch");
    assert!((58..=60).contains(&served), "{served}");
    jobs.abort_all();
}
