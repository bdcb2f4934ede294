//! Streams of requests of every kind.

use std::io;
use std::task::Poll;

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tower_throttle::batch::{Batch, BatchError};

use super::*;

#[tokio::test(start_paused = true)]
async fn an_empty_stream_ends_at_once() {
    let client = api(&Calls::default());
    let mut results = Batch::new(&client).run(stream::iter(requests([])));
    assert!(matches!(now(&mut results), Some(None)));
    assert_eq!(results.progress().total(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_ends_gives_what_it_has() {
    let client = api(&Calls::default());
    let pending = stream::poll_fn(|_| Poll::Pending);
    let endless = stream::iter(requests([10, 20])).chain(pending);
    let mut results = Batch::new(&client).run(endless);
    assert_eq!(results.by_ref().take(2).count().await, 2);
    assert_eq!(results.progress().total(), None);
    assert!(
        tokio::time::timeout(secs(1_000), results.next())
            .await
            .is_err()
    );
    // It ends when it is closed.
    results.close();
    assert!(results.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_late_is_sent_when_it_comes() {
    let client = api(&Calls::default());
    let (sender, mut receiver) = mpsc::channel(1);
    let late = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let results = Batch::new(&client).run(late);
    let results = tokio::spawn(
        results
            .map(|result| (result.unwrap().0, Instant::now()))
            .collect::<Vec<_>>(),
    );
    let start = Instant::now();
    for _ in 0..3 {
        sleep(secs(10)).await;
        sender.send(to(500)).await.unwrap();
    }
    drop(sender);
    let results = results.await.unwrap();
    let times: Vec<_> = results
        .iter()
        .map(|(key, at)| (*key, (*at - start).as_secs_f64()))
        .collect();
    assert_eq!(times, [(0, 10.5), (1, 20.5), (2, 30.5)]);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_stream_is_a_result_and_what_comes_after_it_is_sent() {
    for in_order in [false, true] {
        let client = api(&Calls::default());
        let items = [
            Ok(to(1)),
            Err(io::Error::other("line 2 is malformed")),
            Ok(to(3)),
        ];
        let mut batch = Batch::new(&client);
        if in_order {
            batch = batch.ordered();
        }
        let mut results: Vec<_> = batch.try_run(stream::iter(items)).collect().await;
        let error = results.remove(usize::from(in_order)).unwrap_err();
        assert!(
            matches!(&error, BatchError::Source { index: 1, .. }),
            "{error:?}"
        );
        assert_eq!(
            error.to_string(),
            "request 1 of the stream failed: line 2 is malformed"
        );
        let keys: Vec<_> = results
            .into_iter()
            .map(|result| result.unwrap().0)
            .collect();
        assert_eq!(keys, [0, 2]);
    }
}

#[tokio::test]
async fn requests_and_answers_that_are_always_there_leave_others_their_turn() {
    let client =
        service_fn(async |_: Req| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
    let others = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&others);
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, SeqCst);
            tokio::task::yield_now().await;
        }
    });
    let endless = stream::repeat_with(|| to(0)).take(10_000);
    assert_eq!(Batch::new(&client).run(endless).count().await, 10_000);
    // Once in at most 128 results, which is tokio's budget.
    assert!(
        others.load(SeqCst) >= 10_000 / 128,
        "{}",
        others.load(SeqCst)
    );
    other.abort();
}
