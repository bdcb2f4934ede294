//! How long a request waits at most.

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_test::assert_pending;
use tower::{Layer, ServiceExt, service_fn};
use tower_throttle::QueueLayer;
use tower_throttle::queue::QueueError;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_how_long_it_was_and_how_many_are_ahead() {
    let (api, _) = api(secs(100));
    let (client, gate) = client(api, 1);
    let client = QueueLayer::new().max_wait(secs(10)).layer(client);
    let (interactive, batch) = (of_class(&client, INTERACTIVE), of_class(&client, BATCH));
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());
    let start = Instant::now();
    let mut jobs = JoinSet::new();
    for _ in 0..3 {
        jobs.spawn(answer(&batch, request("batch", BATCH)));
    }
    settle().await;
    let mut kept = by_hand(&interactive, request("interactive", BATCH));
    assert_pending!(kept.poll());
    let mut ahead = Vec::new();
    while let Some(answer) = jobs.join_next().await {
        assert_eq!(start.elapsed(), secs(10));
        match answer.unwrap().unwrap_err() {
            QueueError::TimedOut {
                waited,
                ahead: counted,
            } => {
                assert_eq!(waited, secs(10));
                ahead.push(counted.unwrap());
            }
            other => panic!("{other:?}"),
        }
    }
    // As each gives up, fewer are ahead of the next.
    assert_eq!(ahead, [1, 1, 1]);
    drop(kept);
    assert_eq!((gate.waiting(), gate.in_flight()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn it_is_the_wait_in_line_that_is_bounded_and_not_the_call_or_its_retries() {
    let (api, seen) = api_that(secs(30), |_, nth| nth == 0);
    let (client, _) = client(api, 1);
    let client = QueueLayer::new().max_wait(secs(10)).layer(client);
    assert_eq!(answer(&client, request("slow", BATCH)).await, Ok(200));
    assert_eq!(seen.count("slow"), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_granted_as_its_time_ends_goes() {
    let (api, _) = api(secs(10));
    let (client, _) = client(api, 1);
    let client = QueueLayer::new().max_wait(secs(10)).layer(client);
    let (one, two) = tokio::join!(
        biased;
        answer(&client, request("one", BATCH)),
        answer(&client, request("two", BATCH)),
    );
    assert_eq!((one, two), (Ok(200), Ok(200)));
}

#[tokio::test(start_paused = true)]
async fn no_time_means_no_wait() {
    let (api, _) = api(secs(10));
    let (client, _) = client(api, 1);
    let client = QueueLayer::new().max_wait(secs(0)).layer(client);
    let (one, two) = tokio::join!(
        answer(&client, request("one", BATCH)),
        answer(&client, request("two", BATCH)),
    );
    let timed_out = QueueError::TimedOut {
        waited: secs(0),
        ahead: Some(0),
    };
    assert_eq!((one, two), (Ok(200), Err(timed_out)));
}

#[tokio::test(start_paused = true)]
async fn an_endless_wait_is_allowed() {
    let (api, _) = api(secs(10));
    let (client, _) = client(api, 1);
    let client = QueueLayer::new()
        .max_wait(std::time::Duration::MAX)
        .layer(client);
    let (one, two) = tokio::join!(
        answer(&client, request("one", BATCH)),
        answer(&client, request("two", BATCH)),
    );
    assert_eq!((one, two), (Ok(200), Ok(200)));
}

#[tokio::test(start_paused = true)]
async fn the_inner_service_may_be_any_and_its_errors_come_as_they_are() {
    let fails = service_fn(async |_: Req| Err::<Res, _>(std::io::Error::other("broken")));
    let layer = QueueLayer::new().max_wait(secs(1)).max_waiting(1);
    let error = layer
        .layer(fails)
        .oneshot(request("x", BATCH))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "broken");
    assert_eq!(error.into_inner().unwrap().to_string(), "broken");

    // Never ready, and no gate that could tell who is ahead.
    let (never, _handle) = tower_test::mock::pair::<Req, Res>();
    let mut never = never;
    let _ = &mut never;
    let limited = tower::limit::ConcurrencyLimit::new(never, 1);
    let mut holder = limited.clone();
    holder.ready().await.unwrap();
    let error = layer
        .layer(limited)
        .oneshot(request("x", BATCH))
        .await
        .unwrap_err();
    assert!(
        matches!(error, QueueError::TimedOut { ahead: None, .. }),
        "{error:?}"
    );
}
