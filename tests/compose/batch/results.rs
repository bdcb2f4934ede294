//! What a batch gives, and when.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tower_throttle::batch::{Batch, BatchError, BodyTooLarge};

use super::*;

#[tokio::test(start_paused = true)]
async fn the_code_of_a_newcomer_gives_all_answers_with_their_numbers() {
    let client = api(&Calls::default());
    let requests = (0..500).map(|number| to(500 - number));
    let (answers, took) = timed(
        Batch::new(&client)
            .run(stream::iter(requests))
            .try_collect(),
    )
    .await;
    let answers: BTreeMap<usize, Response<Bytes>> = answers.unwrap();
    assert_eq!(answers.len(), 500);
    assert_eq!(answers[&499].body(), "/1");
    assert_eq!(took, 0.5);
}

#[tokio::test(start_paused = true)]
async fn answers_come_as_they_are_ready_or_in_order() {
    let client = api(&Calls::default());
    for (batch, expected) in [
        (Batch::new(&client), [2, 1, 0]),
        (Batch::new(&client).ordered(), [0, 1, 2]),
    ] {
        let results = batch.run(stream::iter(requests([30, 20, 10])));
        let keys: Vec<_> = results.map(|result| result.unwrap().0).collect().await;
        assert_eq!(keys, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_a_part_of_the_stream_or_told_by_the_request() {
    let client = api(&Calls::default());
    let pairs = stream::iter(requests([10, 20])).map(|request| ("a key", request));
    let (key, _) = Batch::new(&client)
        .keyed()
        .run(pairs)
        .next()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key, "a key");

    let batch = Batch::new(&client).key(|request: &Req| request.uri().path().to_owned());
    let (key, _) = batch
        .run(stream::iter(requests([10])))
        .next()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key, "/10");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_accepted_or_fails_is_an_error_with_its_key_and_the_rest_goes_on() {
    let client = api(&Calls::default());
    let paths = ["10/404", "20/error", "30"].map(to);
    let mut results = Batch::new(&client).run(stream::iter(paths));

    let error = results.next().await.unwrap().unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "NotAccepted { key: 0, status: 404, bytes: 7 }"
    );
    assert_eq!(
        (error.key(), error.to_string().as_str()),
        (Some(&0), "request 0 was answered with 404 Not Found")
    );
    assert_eq!(error.into_response().unwrap().body(), "/10/404");

    let error = results.next().await.unwrap().unwrap_err();
    assert!(matches!(
        error,
        BatchError::Client {
            key: 1,
            error: "broken"
        }
    ));

    assert_eq!(results.next().await.unwrap().unwrap().0, 2);
    let progress = results.progress();
    assert_eq!((progress.done(), progress.failed()), (1, 2));
    assert!(results.next().await.is_none());
    assert!(results.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_closure_says_what_is_accepted() {
    let client = api(&Calls::default());
    let batch = Batch::new(&client).accept(|response: &Response<Bytes>| response.status() == 404);
    let results: Vec<_> = batch
        .ordered()
        .run(stream::iter(["1/404", "2"].map(to)))
        .collect()
        .await;
    assert!(results[0].is_ok() && results[1].is_err());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_longer_than_the_cap_is_an_error_with_the_head() {
    let client = api(&Calls::default());
    let batch = Batch::new(&client).max_body(2);
    let results: Vec<_> = batch
        .ordered()
        .run(stream::iter(["1", "22"].map(to)))
        .collect()
        .await;
    assert_eq!(results[0].as_ref().unwrap().1.body(), "/1");
    let Err(BatchError::Body {
        key: 1,
        head,
        error,
    }) = &results[1]
    else {
        panic!("{:?}", results[1]);
    };
    assert_eq!(head.status(), 200);
    assert_eq!(error.downcast_ref::<BodyTooLarge>().unwrap().max(), 2);
}

#[tokio::test(start_paused = true)]
async fn ahead_bounds_how_many_are_taken_and_zero_is_one() {
    for (ahead, expected) in [(0, 1), (1, 1), (7, 7)] {
        let calls = Calls::default();
        let client = api(&calls);
        let batch = Batch::new(&client).ahead(ahead);
        let (count, took) = timed(batch.run(stream::iter(requests([10; 42]))).count()).await;
        assert_eq!((count, calls.peak()), (42, expected));
        assert_eq!(took, 0.01 * (42.0 / expected as f64), "{ahead}");
    }
}

#[tokio::test(start_paused = true)]
async fn in_order_the_answers_that_are_held_back_count_as_taken() {
    let calls = Calls::default();
    let client = api(&calls);
    let takes = std::iter::once(1_000).chain(std::iter::repeat_n(10, 99));
    let batch = Batch::new(&client).ordered().ahead(10);
    let mut results = batch.run(stream::iter(requests(takes)));
    assert!(now(&mut results).is_none());
    sleep(ms(999)).await;
    assert!(now(&mut results).is_none());
    // The first holds the other nine back, and no more are sent.
    assert_eq!((calls.sent(), results.progress().held()), (10, 9));
    let (keys, took) = timed(results.map(|result| result.unwrap().0).collect::<Vec<_>>()).await;
    assert_eq!(keys, (0..100).collect::<Vec<_>>());
    assert_eq!(took, 0.091);
}

#[tokio::test(start_paused = true)]
async fn progress_tells_the_counts_the_rate_and_the_rest() {
    let (client, _) = gated(&Calls::default(), 10);
    let mut results = Batch::new(&client)
        .ahead(50)
        .run(stream::iter(requests([1_000; 100])));
    assert_eq!(results.progress().total(), Some(100));
    assert_eq!(results.progress().left(), None);
    for _ in 0..40 {
        results.next().await.unwrap().unwrap();
    }
    let progress = results.progress();
    assert_eq!(
        (progress.done(), progress.failed(), progress.held()),
        (40, 0, 0)
    );
    assert_eq!((progress.in_flight(), progress.waiting()), (10, 39));
    assert_eq!(progress.elapsed(), secs(4));
    assert!((progress.rate() - 10.0).abs() < 0.2, "{progress:?}");
    assert_eq!(progress.left().unwrap().as_secs(), 5);
    assert_eq!(
        progress.to_string(),
        "40 of 100 done, 0 failed, 10 in flight, 39 waiting, 10.0/s, 6 s left"
    );
}

#[tokio::test(start_paused = true)]
async fn on_progress_is_told_of_each_result() {
    let client = api(&Calls::default());
    let mut told = Vec::new();
    let batch =
        Batch::new(&client).on_progress(|progress| told.push((progress.done(), progress.failed())));
    let paths = ["10", "20/500", "30"].map(to);
    batch.run(stream::iter(paths)).for_each(async |_| ()).await;
    assert_eq!(told, [(1, 0), (1, 1), (2, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_batch_takes_none_sends_none_and_ends_what_is_in_flight() {
    let calls = Calls::default();
    let (client, gate) = gated(&calls, 3);
    let mut told = 0;
    let results = Batch::new(&client)
        .ahead(10)
        .on_progress(move |progress| {
            told += 1;
            assert_eq!((progress.not_sent(), progress.done()), (7, told - 1));
        })
        .run(stream::iter(requests([1_000; 100])));
    let handle = results.handle();
    let rest = tokio::spawn(results.collect::<Vec<_>>());
    sleep(ms(500)).await;
    assert_eq!(
        (handle.progress().in_flight(), handle.progress().waiting()),
        (3, 7)
    );
    handle.close();
    let (results, took) = timed(rest).await;
    let results = results.unwrap();
    assert_eq!(took, 0.5);
    let not_sent = results
        .iter()
        .filter(|result| matches!(result, Err(BatchError::NotSent { .. })));
    assert_eq!((results.len(), not_sent.count(), calls.sent()), (10, 7, 3));
    let progress = handle.progress();
    assert_eq!(
        (progress.done(), progress.failed(), progress.not_sent()),
        (3, 0, 7)
    );
    assert_eq!(
        (progress.total(), progress.left()),
        (Some(10), Some(Duration::ZERO))
    );
    assert_eq!(
        (gate.in_flight(), gate.waiting(), handle.is_closed()),
        (0, 0, true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_closed_before_it_begins_ends_at_once() {
    let calls = Calls::default();
    let client = api(&calls);
    let mut results = Batch::new(&client).run(stream::iter(requests([1; 9])));
    results.close();
    assert!(matches!(now(&mut results), Some(None)));
    assert_eq!(calls.sent(), 0);
}
