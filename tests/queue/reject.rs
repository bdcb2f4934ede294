//! Who is turned away when as many wait as may.

use tokio::task::JoinSet;
use tokio_test::{assert_pending, assert_ready, assert_ready_eq};
use tower::Layer;
use tower_throttle::QueueLayer;
use tower_throttle::queue::QueueError;

use crate::support::*;

fn rejecting(
    client: Client,
    most: usize,
) -> tower_throttle::queue::Queue<
    Client,
    fn(&Req) -> tower_throttle::Priority,
    tower_throttle::queue::NoDeadline,
> {
    let layer = QueueLayer::new().priority(class as fn(&Req) -> _);
    layer.max_waiting(most).reject_when_full().layer(client)
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_of_the_same_class_is_turned_away() {
    let (api, _) = api(secs(1));
    let (client, gate) = client(api, 1);
    let client = rejecting(client, 2);
    let mut jobs: Vec<_> = (0..3)
        .map(|_| by_hand(&client, request("x", BATCH)))
        .collect();
    for job in &mut jobs {
        assert_pending!(job.poll());
    }
    let mut newcomer = by_hand(&client, request("y", BATCH));
    assert_ready_eq!(newcomer.poll(), Err(QueueError::Full));
    // Its place is given up, though the future is kept.
    assert_eq!(gate.waiting(), 2);
    assert!(jobs.iter().all(|job| !job.is_woken()));
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_of_a_higher_class_takes_the_seat_of_the_last_of_the_lowest() {
    let (api, seen) = api(secs(1));
    let (client, gate) = client(api, 1);
    let client = rejecting(client, 3);
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());
    let classes = [BATCH, BATCH.class(3), INTERACTIVE];
    let mut line = classes.map(|class| by_hand(&client, request("x", class)));
    for job in &mut line {
        assert_pending!(job.poll());
    }
    let mut newcomer = by_hand(&client, request("newcomer", INTERACTIVE));
    assert_pending!(newcomer.poll());
    // The last of the two of the lowest weight.
    assert_eq!(
        line.each_ref().map(|job| job.is_woken()),
        [false, true, false]
    );
    assert_ready_eq!(line[1].poll(), Err(QueueError::Full));
    assert_eq!(gate.waiting(), 3);
    // The next takes the other's, and the one after that finds nobody of a lower class.
    let mut second = by_hand(&client, request("second", INTERACTIVE));
    assert_pending!(second.poll());
    assert_ready_eq!(line[0].poll(), Err(QueueError::Full));
    let mut third = by_hand(&client, request("third", INTERACTIVE));
    assert_ready_eq!(third.poll(), Err(QueueError::Full));
    assert_eq!((gate.waiting(), seen.names().len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_lost_its_seat_and_was_granted_meanwhile_goes() {
    let (api, _) = api(secs(1));
    let (client, _) = client(api, 1);
    let client = rejecting(client, 1);
    let mut holder = by_hand(&client, request("holder", BATCH));
    assert_pending!(holder.poll());
    let mut loser = by_hand(&client, request("loser", BATCH));
    assert_pending!(loser.poll());
    drop(holder);
    assert!(loser.is_woken());
    let mut winner = by_hand(&client, request("winner", INTERACTIVE));
    assert_pending!(winner.poll());
    assert_pending!(loser.poll());
    tokio::time::advance(secs(1)).await;
    assert_ready_eq!(loser.poll(), Ok(200));
    assert_pending!(winner.poll());
}

#[tokio::test(start_paused = true)]
async fn nobody_may_wait_without_seats() {
    for layer in [
        QueueLayer::new().max_waiting(0).reject_when_full(),
        QueueLayer::new().reject_when_full(),
        QueueLayer::new().reject_when_full().max_waiting(0),
    ] {
        let (api, _) = api(secs(1));
        let (client, gate) = client(api, 2);
        let client = layer.layer(client);
        let mut jobs = JoinSet::new();
        for _ in 0..5 {
            jobs.spawn(answer(&client, request("x", BATCH)));
        }
        let answers = jobs.join_all().await;
        let sent = answers.iter().filter(|answer| **answer == Ok(200)).count();
        let full = answers
            .iter()
            .filter(|answer| **answer == Err(QueueError::Full))
            .count();
        assert_eq!((sent, full, gate.waiting()), (2, 3, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_seat_is_free_again_when_its_request_is_sent_or_dropped() {
    let (api, _) = api(secs(1));
    let (client, _) = client(api, 1);
    let client = rejecting(client, 1);
    let mut first = by_hand(&client, request("first", BATCH));
    assert_pending!(first.poll());
    for _ in 0..3 {
        let mut waits = by_hand(&client, request("waits", BATCH));
        assert_pending!(waits.poll());
        let mut full = by_hand(&client, request("full", BATCH));
        assert!(assert_ready!(full.poll()).is_err());
        drop(waits);
    }
    let mut waits = by_hand(&client, request("waits", BATCH));
    assert_pending!(waits.poll());
    tokio::time::advance(secs(1)).await;
    assert_ready_eq!(first.poll(), Ok(200));
    assert_pending!(waits.poll());
    let mut next = by_hand(&client, request("next", BATCH));
    assert_pending!(next.poll());
}
