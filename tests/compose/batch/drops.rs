//! Every drop and every panic gives back what was held.

use futures_util::{StreamExt as _, stream};
use tower_throttle::batch::Batch;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_dropped_gives_back_all_permits_and_places() {
    let calls = Calls::default();
    let (client, gate) = gated(&calls, 5);
    let mut results = Batch::new(&client).run(stream::iter(requests([1_000; 100])));
    for _ in 0..7 {
        results.next().await.unwrap().unwrap();
    }
    // Ten are answered, three of which are not handed over.
    assert_eq!((gate.in_flight(), gate.waiting()), (5, 85));
    let handle = results.handle();
    drop(results);
    assert_eq!(
        (gate.in_flight(), gate.waiting(), calls.in_flight()),
        (0, 0, 0)
    );
    assert_eq!(
        (handle.progress().in_flight(), handle.progress().waiting()),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_long_gives_its_permit_back() {
    let (client, gate) = gated(&Calls::default(), 1);
    let batch = Batch::new(&client).max_body(1);
    let results: Vec<_> = batch.run(stream::iter(requests([10; 3]))).collect().await;
    assert!(results.iter().all(Result::is_err));
    assert_eq!((results.len(), gate.in_flight()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_on_progress_passes_through_and_loses_no_result() {
    for in_order in [false, true] {
        let (client, gate) = gated(&Calls::default(), 2);
        let batch =
            Batch::new(&client).on_progress(|progress| assert_ne!(progress.done(), 2, "now"));
        let batch = if in_order { batch.ordered() } else { batch };
        let mut results = batch.run(stream::iter(requests([10; 5])));
        let (mut keys, mut panics) = (Vec::new(), 0);
        loop {
            match caught(&mut results).await {
                Ok(Some(result)) => keys.push(result.unwrap().0),
                Ok(None) => break,
                Err(()) => panics += 1,
            }
        }
        assert_eq!((keys, panics), (vec![0, 1, 2, 3, 4], 1));
        assert_eq!((gate.in_flight(), gate.waiting()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_panics_costs_its_own_request_alone() {
    for in_order in [false, true] {
        let (client, gate) = gated(&Calls::default(), 2);
        let batch = Batch::new(&client).ahead(2);
        let batch = if in_order { batch.ordered() } else { batch };
        let paths = ["10", "10/panic", "10", "10/panic", "10"].map(to);
        let mut results = batch.run(stream::iter(paths));
        let (mut keys, mut panics) = (Vec::new(), 0);
        loop {
            match caught(&mut results).await {
                Ok(Some(result)) => keys.push(result.unwrap().0),
                Ok(None) => break,
                Err(()) => panics += 1,
            }
        }
        assert_eq!((keys, panics), (vec![0, 2, 4], 2), "in order: {in_order}");
        let progress = results.progress();
        assert_eq!(
            (gate.in_flight(), progress.in_flight(), progress.waiting()),
            (0, 0, 0)
        );
    }
}
