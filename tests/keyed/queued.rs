//! Classes, deadlines and bounded waits in the lines of keys.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep};
use tokio_test::task::{self, Spawn};
use tokio_test::{assert_pending, assert_ready};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_throttle::keyed::Keyed;
use tower_throttle::queue::{Priority, PriorityLayer, Queue, QueueError, QueueLayer};
use tower_throttle::{KeyedLayer, RetryOn429, RetryOn429Layer};

use crate::support::{Answer, Api, ByPath, Req, by_path, secs, status, to};

type Retried = RetryOn429<Keyed<Api, String, ByPath>>;
type Error = QueueError<std::convert::Infallible>;
pub(crate) type Sent = Pin<Box<dyn Future<Output = Result<u16, Error>> + Send>>;
pub(crate) type ClassOf = fn(&Req) -> Priority;
pub(crate) type TimeOf = fn(&Req) -> Option<Duration>;
pub(crate) type Client = Queue<Retried, ClassOf, TimeOf>;

/// How much time a request has.
#[derive(Clone, Copy)]
struct Within(u64);

fn class(request: &Req) -> Priority {
    request.extensions().get().copied().unwrap_or_default()
}

fn time_left(request: &Req) -> Option<Duration> {
    let within = request.extensions().get();
    within.map(|Within(left)| secs(*left))
}

pub(crate) fn queue() -> QueueLayer<ClassOf, TimeOf> {
    QueueLayer::new()
        .priority(class as ClassOf)
        .deadline(time_left as TimeOf)
}

pub(crate) fn client(
    queue: &QueueLayer<ClassOf, TimeOf>,
    keys: &KeyedLayer<String, ByPath>,
    api: Api,
) -> Client {
    let retry = RetryOn429Layer::new().seed(7);
    queue.layer(retry.layer(keys.layer(api)))
}

pub(crate) fn named(key: &str, name: &str, class: Priority) -> Req {
    let mut request = to(key);
    let headers: &mut HeaderMap = request.headers_mut();
    headers.insert("name", name.parse().unwrap());
    request.extensions_mut().insert(class);
    request
}

fn within(key: &str, left: u64) -> Req {
    let mut request = to(key);
    request.extensions_mut().insert(Within(left));
    request
}

pub(crate) fn send(client: &Client, request: Req) -> Sent {
    let client = client.clone();
    Box::pin(async move { Ok(client.oneshot(request).await?.status().as_u16()) })
}

fn by_hand(client: &Client, request: Req) -> Spawn<Sent> {
    task::spawn(send(client, request))
}

/// An API that takes a second for each, and writes down their names. It refuses those of which `refuses` says
/// so, by their names and how many came before.
pub(crate) fn api(
    refuses: impl Fn(&str, usize) -> bool + Send + Sync + 'static,
) -> (Api, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let api = Api::new(move |request: &Req| {
        let name = request.headers()["name"].to_str().unwrap().to_owned();
        let mut log = log.lock().unwrap();
        let answer: Answer = if refuses(&name, log.len()) {
            status(503)
        } else {
            status(200)
        };
        log.push(name);
        (secs(1), answer)
    });
    (api, seen)
}

pub(crate) async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_keys_line_classes_go_by_their_weights() {
    let (api, seen) = api(|_, _| false);
    let client = client(&queue(), &by_path(1), api);
    let mut jobs = JoinSet::new();
    jobs.spawn(send(&client, named("a", "holder", Priority::BATCH)));
    settle().await;
    for _ in 0..2 {
        jobs.spawn(send(&client, named("a", "batch", Priority::BATCH)));
    }
    settle().await;
    for _ in 0..10 {
        jobs.spawn(send(
            &client,
            named("a", "interactive", Priority::INTERACTIVE),
        ));
    }
    jobs.spawn(send(&client, named("b", "other key", Priority::BATCH)));
    jobs.join_all().await;
    let seen = seen.lock().unwrap();
    let last = seen.iter().rposition(|name| name == "interactive").unwrap();
    assert!(last <= 12, "{seen:?}");
    assert_eq!(seen.last().unwrap(), "batch");
    assert!(seen[..2].iter().any(|name| name == "other key"), "{seen:?}");
}

/// What a layer above says of the class does not make it forget the place of the refused attempt.
#[tokio::test(start_paused = true)]
async fn a_refused_request_of_a_class_keeps_its_place_in_its_keys_line() {
    for by_queue in [true, false] {
        let (api, seen) = api(|name, before| name == "refused" && before == 0);
        let keys = by_path(1);
        let retried = ServiceBuilder::new()
            .layer(RetryOn429Layer::new().seed(1))
            .layer(keys)
            .service(api);
        let mut jobs = JoinSet::new();
        let names = ["refused"].into_iter().chain(["other"; 50]);
        for name in names {
            let request = named("a", name, Priority::BATCH);
            if by_queue {
                let client = queue().layer(retried.clone());
                jobs.spawn(async move { client.oneshot(request).await.unwrap().status() });
            } else {
                let client = PriorityLayer::new(Priority::BATCH).layer(retried.clone());
                jobs.spawn(async move { client.oneshot(request).await.unwrap().status() });
            }
            settle().await;
        }
        jobs.join_all().await;
        let seen = seen.lock().unwrap();
        let again = seen.iter().rposition(|name| name == "refused").unwrap();
        assert!(again <= 4, "number {again}; at the end it would be 50");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_a_keys_pause_cannot_keep_fails_at_once() {
    let keys = by_path(1);
    let client = client(&queue(), &keys, Api::serving(secs(1)));
    assert_eq!(send(&client, to("a")).await, Ok(200));
    let gate = keys.handle().get(&"a".to_owned()).unwrap();
    gate.pause(secs(60));
    let start = Instant::now();
    let failed = send(&client, within("a", 59)).await;
    assert!(
        matches!(failed, Err(QueueError::Expired { needs }) if needs == secs(60)),
        "{failed:?}"
    );
    assert_eq!(start.elapsed(), secs(0));
    assert_eq!(send(&client, within("b", 2)).await, Ok(200));
    assert_eq!(send(&client, within("a", 61)).await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_in_a_keys_line_to_the_digit() {
    let keys = by_path(1);
    let client = client(&queue(), &keys, Api::serving(secs(10)));
    let mut holder = by_hand(&client, to("a"));
    assert_pending!(holder.poll());
    let start = Instant::now();
    let failed = send(&client, within("a", 3)).await;
    assert!(
        matches!(failed, Err(QueueError::Expired { .. })),
        "{failed:?}"
    );
    assert_eq!(start.elapsed(), secs(3));
    assert_eq!(
        (keys.handle().waiting(), keys.handle().total().waiting),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn max_wait_ends_the_wait_in_a_keys_line_and_says_who_was_ahead() {
    let keys = by_path(1);
    let client = client(&queue().max_wait(secs(3)), &keys, Api::serving(secs(10)));
    let mut holder = by_hand(&client, to("a"));
    assert_pending!(holder.poll());
    let mut first = by_hand(&client, to("a"));
    assert_pending!(first.poll());
    sleep(secs(1)).await;
    let start = Instant::now();
    let failed = send(&client, to("a"));
    let other = send(&client, to("b"));
    let (failed, other) = tokio::join!(failed, other);
    assert_eq!(
        failed,
        Err(QueueError::TimedOut {
            waited: secs(3),
            ahead: Some(1)
        })
    );
    assert_eq!(other, Ok(200), "the call itself is not bounded");
    assert_eq!(start.elapsed(), secs(10));
    let ended = assert_ready!(first.poll());
    assert!(
        matches!(ended, Err(QueueError::TimedOut { .. })),
        "{ended:?}"
    );
    drop(first);
    assert_eq!(
        (keys.handle().waiting(), keys.handle().total().waiting),
        (0, 0)
    );
    assert_eq!(assert_ready!(holder.poll()), Ok(200));
}

#[tokio::test(start_paused = true)]
async fn max_wait_counts_neither_the_call_nor_the_retries() {
    let (api, seen) = api(|_, before| before < 2);
    let queue = queue().max_wait(secs(1));
    let client = client(&queue, &by_path(1), api);
    let answer = send(&client, named("a", "refused", Priority::NORMAL)).await;
    assert_eq!(answer, Ok(200));
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn as_many_wait_in_the_lines_of_keys_as_are_allowed() {
    for most in [0, 1, 3] {
        let keys = by_path(2);
        let client = client(&queue().max_waiting(most), &keys, Api::serving(secs(1)));
        let mut jobs = JoinSet::new();
        for number in 0..40 {
            jobs.spawn(send(&client, to(["a", "b"][number % 2])));
        }
        while let Some(answer) = jobs.join_next().await {
            assert_eq!(answer.unwrap(), Ok(200));
            let waiting = keys.handle().total().waiting;
            assert!(waiting <= most.max(1), "{waiting} wait");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn on_top_of_those_who_wait_for_keys_a_request_fails_unless_it_outranks_one() {
    let keys = by_path(1);
    let queue = queue().max_waiting(1).reject_when_full();
    let client = client(&queue, &keys, Api::serving(secs(1)));
    let mut holder = by_hand(&client, to("a"));
    assert_pending!(holder.poll());
    let mut batch = by_hand(&client, named("a", "batch", Priority::BATCH));
    assert_pending!(batch.poll());
    assert_eq!(
        send(&client, named("a", "batch", Priority::BATCH)).await,
        Err(QueueError::Full)
    );
    let mut interactive = by_hand(&client, named("a", "interactive", Priority::INTERACTIVE));
    assert_pending!(interactive.poll());
    assert!(batch.is_woken());
    assert_eq!(assert_ready!(batch.poll()), Err(QueueError::Full));
    assert_eq!(keys.handle().total().waiting, 1);
    assert_eq!(
        send(&client, named("b", "free", Priority::BATCH)).await,
        Ok(200)
    );
    assert_eq!(holder.await, Ok(200));
    assert_eq!(interactive.await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_may_wait_a_key_that_is_free_serves_all_the_same() {
    let keys = by_path(1);
    let queue = queue().max_waiting(0).reject_when_full();
    let client = client(&queue, &keys, Api::serving(secs(1)));
    let mut holder = by_hand(&client, to("a"));
    assert_pending!(holder.poll());
    assert_eq!(send(&client, to("a")).await, Err(QueueError::Full));
    assert_eq!(send(&client, to("b")).await, Ok(200));
    assert_eq!(holder.await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn a_future_dropped_in_a_keys_line_gives_up_seat_ticket_and_place() {
    let keys = by_path(1);
    let client = client(&queue().max_waiting(1), &keys, Api::serving(secs(1)));
    let mut holder = by_hand(&client, to("a"));
    assert_pending!(holder.poll());
    let mut waiter = by_hand(&client, to("a"));
    assert_pending!(waiter.poll());
    assert_eq!(
        (keys.handle().waiting(), keys.handle().total().waiting),
        (1, 1)
    );
    let mut next = client.clone();
    let mut ready = task::spawn(ServiceExt::<Req>::ready(&mut next));
    assert_pending!(ready.poll());
    drop(waiter);
    assert_eq!(
        (keys.handle().waiting(), keys.handle().total().waiting),
        (0, 0)
    );
    assert!(ready.is_woken());
    let answer = assert_ready!(ready.poll()).unwrap().call(to("a"));
    drop(holder);
    assert_eq!(answer.await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn closed_while_requests_wait_for_keys_all_are_answered_at_once() {
    let keys = by_path(1);
    let client = client(&queue().max_wait(secs(60)), &keys, Api::serving(secs(100)));
    let mut holder = by_hand(&client, to("a"));
    assert_pending!(holder.poll());
    let mut jobs = JoinSet::new();
    for _ in 0..20 {
        jobs.spawn(send(&client, within("a", 90)));
    }
    settle().await;
    let start = Instant::now();
    keys.handle().close();
    for answer in jobs.join_all().await {
        assert_eq!(answer, Ok(503));
    }
    assert_eq!(start.elapsed(), secs(0));
    assert_eq!(keys.handle().waiting(), 0);
}
