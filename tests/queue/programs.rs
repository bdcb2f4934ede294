//! Ordinary programs, none of which may hang, lose a request or panic.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tower::buffer::Buffer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_throttle::QueueLayer;
use tower_throttle::queue::QueueError;

use crate::support::*;

/// Longer than any of them takes.
const HANGS: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn one_task_with_ready_and_spawn() {
    for most in [1, 5, 1000] {
        let (api, seen) = api(secs(1));
        let (client, _) = client(api, 4);
        let mut client = QueueLayer::new()
            .max_waiting(most)
            .priority(class)
            .layer(client);
        let mut jobs = JoinSet::new();
        let start = Instant::now();
        for _ in 0..100 {
            client.ready().await.unwrap();
            jobs.spawn(client.call(request("x", BATCH)));
        }
        let answers = timeout(HANGS, jobs.join_all()).await.unwrap();
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!((seen.names().len(), start.elapsed()), (100, secs(25)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_buffer_above_with_many_handles() {
    let (api, _) = api(secs(1));
    let (client, _) = client(api, 4);
    let queue = QueueLayer::new()
        .priority(class)
        .max_waiting(3)
        .max_wait(secs(1000));
    let buffered = Buffer::new(queue.layer(client), 2);
    let mut jobs = JoinSet::new();
    for nth in 0..100 {
        let buffered = buffered.clone();
        let class = if nth % 2 == 0 { BATCH } else { INTERACTIVE };
        jobs.spawn(async move { buffered.oneshot(request("x", class)).await.is_ok() });
    }
    let answers = timeout(HANGS, jobs.join_all()).await.unwrap();
    assert!(answers.into_iter().all(|ok| ok));
}

#[tokio::test(start_paused = true)]
async fn call_all_and_futures_in_one_task() {
    let (api, _) = api(secs(1));
    let (client, _) = client(api, 4);
    let client = QueueLayer::new().max_wait(secs(60)).layer(client);
    let requests = tokio_stream_of(100);
    let answers = client
        .clone()
        .call_all(requests)
        .unordered()
        .collect::<Vec<_>>();
    assert_eq!(timeout(HANGS, answers).await.unwrap().len(), 100);
    let all: FuturesUnordered<_> = (0..100)
        .map(|_| answer(&client, request("x", BATCH)))
        .collect();
    let answers: Vec<_> = timeout(HANGS, all.collect()).await.unwrap();
    assert!(answers.iter().all(|answer| *answer == Ok(200)));
}

fn tokio_stream_of(count: usize) -> impl futures_util::Stream<Item = Req> {
    futures_util::stream::iter((0..count).map(|_| request("x", BATCH)))
}

#[tokio::test(start_paused = true)]
async fn futures_that_are_dropped_at_random_moments() {
    let (api, _) = api_that(ms(300), |_, nth| nth % 7 == 3);
    let (client, gate) = client(api, 3);
    let client = QueueLayer::new()
        .priority(class)
        .deadline(time_left)
        .max_waiting(20)
        .reject_when_full()
        .layer(client);
    let mut rng = fastrand::Rng::with_seed(3);
    let mut jobs = JoinSet::new();
    for _ in 0..2000 {
        let class = [BATCH, INTERACTIVE, BATCH.strict(1)][rng.usize(..3)];
        let mut request = request("x", class);
        if rng.bool() {
            request = within(request, ms(rng.u64(..3000)));
        }
        let (send, patience) = (answer(&client, request), ms(rng.u64(..2000)));
        jobs.spawn(async move { timeout(patience, send).await.is_ok() });
        tokio::time::sleep(ms(rng.u64(..100))).await;
    }
    timeout(HANGS, jobs.join_all()).await.unwrap();
    assert_eq!((gate.in_flight(), gate.waiting()), (0, 0));
    assert_eq!(answer(&client, request("last", BATCH)).await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_around_everything() {
    let (api, _) = api(secs(10));
    let (client, gate) = client(api, 1);
    let client = ServiceBuilder::new()
        .layer(TimeoutLayer::new(secs(5)))
        .layer(QueueLayer::new().max_wait(secs(100)))
        .service(client);
    let mut jobs = JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        jobs.spawn(async move { client.oneshot(request("x", BATCH)).await.is_err() });
    }
    // Here tower's timeout does cover the wait in line: the future waits.
    let start = Instant::now();
    assert!(jobs.join_all().await.into_iter().all(|failed| failed));
    assert_eq!(start.elapsed(), secs(5));
    assert_eq!((gate.in_flight(), gate.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn load_shed_above_and_below() {
    let (api, _) = api(secs(1));
    let (client, _) = client(api, 1);
    let below = QueueLayer::new().layer(LoadShedLayer::new().layer(client.clone()));
    let above = LoadShedLayer::new().layer(QueueLayer::new().max_waiting(1).layer(client));
    let mut jobs = JoinSet::new();
    for _ in 0..5 {
        let (below, above) = (below.clone(), above.clone());
        jobs.spawn(async move { below.oneshot(request("x", BATCH)).await.is_ok() });
        jobs.spawn(async move { above.oneshot(request("x", BATCH)).await.is_ok() });
    }
    let sent = jobs
        .join_all()
        .await
        .into_iter()
        .filter(|sent| *sent)
        .count();
    assert_eq!(sent, 2);
}

#[tokio::test(start_paused = true)]
async fn a_class_that_floods_with_zero_weight_and_deadlines_in_the_past() {
    let (api, _) = api(ms(10));
    let (client, gate) = client(api, 2);
    let client = QueueLayer::new()
        .priority(class)
        .deadline(time_left)
        .layer(client);
    let mut jobs = JoinSet::new();
    for nth in 0..5000 {
        let flood = within(
            request("flood", BATCH.weight(0).class(nth % 3)),
            secs(nth.into()),
        );
        jobs.spawn(answer(&client, flood));
    }
    settle().await;
    let start = Instant::now();
    assert_eq!(
        answer(&client, request("other", BATCH.class(9))).await,
        Ok(200)
    );
    assert!(start.elapsed() < ms(60), "{:?}", start.elapsed());
    let answers = timeout(HANGS, jobs.join_all()).await.unwrap();
    let expired = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(expired, 1, "the one without any time");
    assert_eq!((gate.in_flight(), gate.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_loser_of_a_select_that_is_kept() {
    let (api, _) = api(secs(1));
    let (client, _) = client(api, 1);
    let client = QueueLayer::new().max_wait(secs(100)).layer(client);
    let mut holder = Box::pin(answer(&client, request("holder", BATCH)));
    let mut loser = Box::pin(answer(
        &of_class(&client, INTERACTIVE),
        request("loser", BATCH),
    ));
    assert!(timeout(ms(1), &mut holder).await.is_err());
    assert!(timeout(ms(1), &mut loser).await.is_err());
    drop(holder);
    // The loser was called, and does not come: the permit is the next one's after a moment.
    let start = Instant::now();
    assert_eq!(answer(&client, request("next", BATCH)).await, Ok(200));
    assert!(start.elapsed() < ms(1020), "{:?}", start.elapsed());
    assert_eq!(loser.await.unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn two_clients_under_two_queues_share_one_gate() {
    let (api, _) = api(secs(1));
    let (client, gate) = client(api, 1);
    let web = QueueLayer::new()
        .max_waiting(2)
        .reject_when_full()
        .layer(client.clone());
    let web = of_class(&web, INTERACTIVE);
    let batch = of_class(&QueueLayer::new().max_waiting(2).layer(client), BATCH);
    let mut jobs = JoinSet::new();
    for _ in 0..10 {
        let (web, batch) = (
            answer(&web, request("web", BATCH)),
            answer(&batch, request("batch", BATCH)),
        );
        jobs.spawn(async move { web.await != Err(QueueError::Full) });
        jobs.spawn(async move { batch.await.is_ok() });
    }
    let sent = timeout(HANGS, jobs.join_all()).await.unwrap();
    let sent = sent.into_iter().filter(|sent| *sent).count();
    assert!((12..=13).contains(&sent), "{sent}");
    assert_eq!(gate.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn runtimes_that_end_while_others_wait() {
    let (api, _) = api(ms(20));
    let (client, gate) = client(api, 1);
    let client = QueueLayer::new().max_wait(secs(60)).layer(client);
    let other = client.clone();
    let ended = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(async {
            let _ = timeout(ms(5), answer(&other, request("x", BATCH))).await;
        });
    });
    ended.join().unwrap();
    assert_eq!(answer(&client, request("x", BATCH)).await, Ok(200));
    assert_eq!((gate.in_flight(), gate.waiting()), (0, 0));
}
