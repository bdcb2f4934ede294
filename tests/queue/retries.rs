//! Refused requests and their places.

use tokio::task::JoinSet;
use tower::Layer;
use tower_throttle::QueueLayer;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_retry_is_of_the_class_of_its_request() {
    let (api, seen) = api_that(secs(1), |name, nth| name == "interactive" && nth == 0);
    let (client, _) = client(api, 1);
    let queue = QueueLayer::new().priority(class).layer(client.clone());
    let by_layer = of_class(&client, INTERACTIVE);
    for by_queue in [true, false] {
        let start = seen.names().len();
        let mut jobs = JoinSet::new();
        let batch = of_class(&client, BATCH);
        if by_queue {
            let first = answer(&queue, request("interactive", INTERACTIVE));
            jobs.spawn(async move { first.await.unwrap() });
        } else {
            let first = answer(&by_layer, request("interactive2", INTERACTIVE));
            jobs.spawn(async move { first.await.unwrap() });
        }
        settle().await;
        for _ in 0..50 {
            let job = answer(&batch, request("batch", BATCH));
            jobs.spawn(async move { job.await.unwrap() });
        }
        jobs.join_all().await;
        let names = seen.names().split_off(start);
        let last = names
            .iter()
            .rposition(|name| name.starts_with("interactive"));
        // It waits for its backoff, and then for one request in flight.
        assert!(last.unwrap() <= 5, "{names:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_of_a_low_class_is_next_when_it_comes_back() {
    let (api, seen) = api_that(secs(1), |name, nth| name == "refused" && nth == 0);
    let (client, _) = client(api, 1);
    let (interactive, batch) = (of_class(&client, INTERACTIVE), of_class(&client, BATCH));
    let mut jobs = JoinSet::new();
    jobs.spawn(answer(&batch, request("refused", BATCH)));
    settle().await;
    for _ in 0..100 {
        jobs.spawn(answer(&interactive, request("interactive", INTERACTIVE)));
    }
    for _ in 0..10 {
        jobs.spawn(answer(&batch, request("batch", BATCH)));
    }
    jobs.join_all().await;
    let names = seen.names();
    let again = names.iter().rposition(|name| name == "refused").unwrap();
    assert!(again <= 4, "{again}");
    // Its class paid for it once: the next of it comes in its turn.
    let next = names.iter().position(|name| name == "batch").unwrap();
    assert!((13..=19).contains(&next), "{next}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_always_refused_does_not_hold_its_class_up() {
    let (api, seen) = api_that(ms(100), |name, _| name == "poison");
    let (client, _) = client(api, 1);
    let client = of_class(&client, BATCH);
    let mut jobs = JoinSet::new();
    let poison = jobs.spawn(answer(&client, request("poison", BATCH)));
    for _ in 0..500 {
        jobs.spawn(answer(&client, request("batch", BATCH)));
    }
    while seen.count("batch") < 500 {
        tokio::time::sleep(secs(1)).await;
    }
    let tried = seen.count("poison");
    assert!((4..=24).contains(&tried), "{tried}");
    poison.abort();
}
