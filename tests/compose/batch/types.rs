//! What types a batch takes and gives.

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, FusedStream};
use tower_throttle::batch::{Batch, BatchHandle, BatchResult, Progress};

use super::*;

fn assert_send<T: Send>(value: T) -> T {
    value
}

/// What a function of a user's returns.
fn send_all(client: &Client) -> impl FusedStream<Item = BatchResult<usize, &'static str>> + use<> {
    assert_send(Batch::new(client).run(stream::iter(requests([1, 2, 3]))))
}

#[tokio::test(start_paused = true)]
async fn results_are_send_and_can_be_boxed_spawned_and_debugged() {
    let client = api(&Calls::default());
    let results = Batch::new(&client)
        .on_progress(|_: &Progress| ())
        .run(stream::iter(requests([1])));
    assert!(format!("{results:?}").contains("Results"), "{results:?}");
    fn sync<T: Clone + Send + Sync + 'static>(_: &T) {}
    sync::<BatchHandle>(&results.handle());
    let boxed: BoxStream<'_, BatchResult<usize, &'static str>> = results.boxed();
    assert_eq!(tokio::spawn(boxed.count()).await.unwrap(), 1);
    let mut results = send_all(&client);
    assert_eq!(results.by_ref().count().await, 3);
    assert!(results.is_terminated());
    assert_eq!(results.size_hint(), (0, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_client_and_a_stream_that_are_not_send_will_do() {
    use std::cell::Cell;
    use std::rc::Rc;

    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    let client = service_fn(move |_: Req| {
        let calls = Rc::clone(&counted);
        async move {
            calls.set(calls.get() + 1);
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }
    });
    // No `Unpin` either.
    let requests = stream::unfold(Rc::new(3), async |left| {
        (*left > 0).then(|| (to(0), Rc::new(*left - 1)))
    });
    let results = std::pin::pin!(Batch::new(&client).run(requests));
    assert_eq!((results.count().await, calls.get()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_batch_can_be_cloned_and_run_again() {
    let client = api(&Calls::default());
    let batch = Batch::new(&client).ordered().ahead(2);
    assert!(format!("{batch:?}").contains("ahead: 2"));
    for batch in [batch.clone(), batch] {
        assert_eq!(batch.run(stream::iter(requests([1, 2]))).count().await, 2);
    }
}
