//! Deadlines: the order by them, and requests that come too late.

use tokio::task::JoinSet;
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready, assert_ready_eq};
use tower::{Layer, ServiceExt, service_fn};
use tower_throttle::QueueLayer;
use tower_throttle::queue::{QueueError, ResponseFuture};

use crate::support::*;

type Queue = tower_throttle::queue::Queue<
    Client,
    fn(&Req) -> tower_throttle::Priority,
    fn(&Req) -> Option<std::time::Duration>,
>;

/// A client with classes and deadlines.
fn queue(client: Client) -> Queue {
    let layer = QueueLayer::new();
    let layer = layer
        .priority(class as fn(&Req) -> _)
        .deadline(time_left as fn(&Req) -> _);
    layer.layer(client)
}

fn expired(error: Error) -> std::time::Duration {
    match error {
        QueueError::Expired { needs } => needs,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_earliest_deadline_goes_first_and_those_without_are_not_held_back_for_ever() {
    let (api, seen) = api(secs(1));
    let (client, _) = client(api, 1);
    let client = queue(client);
    let mut jobs = JoinSet::new();
    jobs.spawn(answer(&client, request("first", BATCH)));
    for left in [70, 50, 30] {
        jobs.spawn(answer(
            &client,
            within(request(&format!("{left}"), BATCH), secs(left)),
        ));
        jobs.spawn(answer(&client, request("none", BATCH)));
    }
    jobs.join_all().await;
    assert_eq!(
        seen.names(),
        ["first", "30", "50", "none", "none", "none", "70"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_a_pause_makes_late_fails_at_once() {
    let (api, seen) = api(secs(1));
    let (client, gate) = client(api, 1);
    let client = queue(client);
    gate.pause(secs(30));
    let mut late = by_hand(&client, within(request("late", BATCH), secs(29)));
    assert_eq!(expired(assert_ready!(late.poll()).unwrap_err()), secs(30));
    assert_eq!(gate.waiting(), 0, "its place is given up");
    let mut in_time = by_hand(&client, within(request("in time", BATCH), secs(30)));
    assert_pending!(in_time.poll());
    advance(secs(30)).await;
    assert!(in_time.is_woken());
    assert_pending!(in_time.poll());
    assert_eq!(seen.names(), ["in-time"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_behind_too_many_fails_at_once_and_one_that_may_be_in_time_waits() {
    let (api, _) = api(secs(1));
    let (client, gate) = client(api, 2);
    let client = queue(client);
    let mut jobs = JoinSet::new();
    for _ in 0..100 {
        jobs.spawn(answer(&client, request("batch", BATCH)));
    }
    tokio::time::sleep(ms(10_500)).await;
    // Two a second, 78 wait: 39 seconds, and 19.5 if all goes twice as fast.
    assert_eq!(gate.waiting(), 78);
    let start = Instant::now();
    // Behind all others of its class, as it has longer than a minute.
    let behind = |left| within(request("behind", BATCH), secs(left));
    let needs = gate.estimate(78).unwrap();
    assert!((secs(37)..=secs(42)).contains(&needs), "{needs:?}");
    gate.pause(secs(60));
    let error = answer(&client, behind(70)).await.unwrap_err();
    assert!(expired(error) > secs(97), "at once, with the pause");
    assert_eq!(start.elapsed(), secs(0));
    gate.resume();
    let mut waits = by_hand(&client, behind(70));
    assert_pending!(waits.poll());
    jobs.abort_all();
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_past_fails_even_at_an_open_gate_and_asks_nobody() {
    let inner = service_fn(async |_: Req| Ok::<Res, std::convert::Infallible>(Res::default()));
    let client = QueueLayer::new().deadline(time_left).layer(inner);
    let error = client.oneshot(within(request("x", BATCH), secs(0))).await;
    assert_eq!(error.unwrap_err(), QueueError::Expired { needs: secs(0) });
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_in_line_ends_the_wait_then() {
    let (api, seen) = api(secs(100));
    let (client, gate) = client(api, 1);
    let client = queue(client);
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());
    let start = Instant::now();
    let error = answer(&client, within(request("late", BATCH), secs(5))).await;
    assert!(expired(error.unwrap_err()) >= secs(5));
    assert_eq!(start.elapsed(), secs(5));
    assert_eq!((gate.waiting(), gate.in_flight()), (0, 1));
    assert_eq!(seen.names(), ["holder"]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_sent_is_not_cut_short() {
    let (api, _) = api(secs(100));
    let (client, _) = client(api, 1);
    let client = queue(client);
    let start = Instant::now();
    let slow = answer(&client, within(request("slow", BATCH), secs(5))).await;
    assert_eq!((slow, start.elapsed()), (Ok(200), secs(100)));
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_would_come_too_late_fails_at_the_deadline_or_before() {
    let (api, seen) = api_that(secs(1), |name, nth| name == "refused" && nth == 0);
    let (client, gate) = client(api, 1);
    let client = queue(client);
    let start = Instant::now();
    let mut refused = tokio::spawn(answer(&client, within(request("refused", BATCH), secs(20))));
    settle().await;
    // Takes the only permit for long once the refusal has come back.
    tokio::time::sleep(ms(1000)).await;
    gate.pause(secs(100));
    let error = (&mut refused).await.unwrap();
    assert!(expired(error.unwrap_err()) > secs(20));
    assert!(
        start.elapsed() < secs(4),
        "as soon as its backoff is over: {:?}",
        start.elapsed()
    );
    assert_eq!(seen.count("refused"), 1);
    assert_eq!((gate.waiting(), gate.in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_retry_in_line_is_ended_by_the_deadline() {
    let (api, seen) = api_that(secs(50), |name, nth| name == "refused" && nth == 0);
    let (client, gate) = client(api, 1);
    let client = queue(client);
    let start = Instant::now();
    let refused = tokio::spawn(answer(&client, within(request("refused", BATCH), secs(60))));
    settle().await;
    let other = tokio::spawn(answer(&client, request("other", BATCH)));
    assert!(expired(refused.await.unwrap().unwrap_err()) >= secs(60));
    assert_eq!(start.elapsed(), secs(60));
    assert_eq!(other.await.unwrap(), Ok(200));
    assert_eq!(seen.count("refused"), 1);
    assert_eq!((gate.waiting(), gate.in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_endless_deadline_is_none() {
    let (api, _) = api(secs(1));
    let (client, _) = client(api, 1);
    let client = queue(client);
    let mut jobs = JoinSet::new();
    for _ in 0..3 {
        let endless = within(request("x", BATCH), std::time::Duration::MAX);
        jobs.spawn(answer(&client, endless));
    }
    while let Some(answer) = jobs.join_next().await {
        assert_eq!(answer.unwrap(), Ok(200));
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_queues_the_sooner_deadline_counts() {
    let (api, _) = api(secs(100));
    let (client, _) = client(api, 1);
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());
    let inner = QueueLayer::new()
        .deadline(|_: &Req| Some(secs(50)))
        .layer(client);
    let both = QueueLayer::new()
        .deadline(|_: &Req| Some(secs(5)))
        .layer(inner);
    let start = Instant::now();
    let error = both.oneshot(request("x", BATCH)).await.unwrap_err();
    let inner = error.into_inner().unwrap();
    assert!(matches!(inner, QueueError::Expired { .. }), "{inner:?}");
    assert_eq!(start.elapsed(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_future_that_failed_gives_up_its_place_though_it_is_kept() {
    let (api, _) = api(secs(10));
    let (client, gate) = client(api, 1);
    let client = queue(client);
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());
    let call = |request| {
        use tower::Service;
        tokio_test::task::spawn(client.clone().call(request))
    };
    let mut late: tokio_test::task::Spawn<ResponseFuture<Client, Req>> =
        call(within(request("late", BATCH), secs(5)));
    assert_pending!(late.poll());
    assert_eq!(gate.waiting(), 1);
    advance(secs(5)).await;
    assert!(late.is_woken() && late.poll().is_ready());
    assert_eq!(gate.waiting(), 0);
    advance(secs(5)).await;
    assert_ready_eq!(holder.poll(), Ok(200));
    drop(late);
}
