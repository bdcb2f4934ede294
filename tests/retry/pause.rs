//! Without a gate below, the layer itself lets everybody wait when one was asked to.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::message::HintSink;

use crate::support::*;

fn idle() -> Script<Response<Full<Bytes>>> {
    script([])
}

/// A layer of which one service was just refused for `wait` seconds.
async fn paused(layer: RetryOn429Layer, wait: u64) -> RetryOn429Layer {
    let refused = layer.layer(script([retry_after(wait)]));
    tokio::spawn(refused.oneshot(get()));
    tokio::task::yield_now().await;
    layer
}

/// For how long another waits when one request was just answered with this refusal.
async fn waits_after<B>(refusal: Response<B>) -> Duration
where
    B: Body<Data = Bytes, Error: Send> + Default + Send + 'static,
{
    let layer = RetryOn429Layer::new();
    tokio::spawn(layer.layer(script([refusal])).oneshot(get()));
    tokio::task::yield_now().await;
    let start = Instant::now();
    answer_of(layer.layer(idle())).await;
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn others_wait_as_long_and_a_little_longer_each() {
    let layer = paused(RetryOn429Layer::new(), 10).await;
    let inner = idle();
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        tasks.spawn(layer.layer(inner.clone()).oneshot(get()));
    }
    tasks.join_all().await;
    let mut times: Vec<_> = inner.times().iter().map(|at| *at - start).collect();
    assert!(
        times.iter().all(|t| (secs(10)..=ms(11_002)).contains(t)),
        "{times:?}"
    );
    times.sort();
    times.dedup();
    assert!(times.len() > 50, "{} different times", times.len());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_ready_stays_ready() {
    let layer = RetryOn429Layer::new();
    let mut service = layer.layer(idle());
    service.ready().await.unwrap();
    let _layer = paused(layer, 10).await;
    let start = Instant::now();
    service.ready().await.unwrap();
    service.call(get()).await.unwrap();
    assert_eq!(start.elapsed(), ms(0));
    service.ready().await.unwrap();
    assert!(start.elapsed() >= secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_a_waiting_service_waits_as_well() {
    let layer = paused(RetryOn429Layer::new(), 10).await;
    let mut service = layer.layer(idle());
    let mut task = tokio_test::task::spawn(());
    assert!(task.enter(|cx, _| service.poll_ready(cx)).is_pending());
    let start = Instant::now();
    service.clone().oneshot(get()).await.unwrap();
    assert!(start.elapsed() >= secs(10));
    // Each has jitter of its own, up to a second of it: the clone may be the earlier one.
    sleep(secs(1)).await;
    assert!(task.is_woken());
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_prolonged_is_waited_out() {
    let layer = RetryOn429Layer::new();
    let mut other = layer.layer(script([retry_after(10)]));
    other.ready().await.unwrap();
    let layer = paused(layer, 10).await;
    let start = Instant::now();
    let waiting = tokio::spawn(layer.layer(idle()).oneshot(get()));
    sleep(secs(8)).await;
    tokio::spawn(other.call(get()));
    waiting.await.unwrap().unwrap();
    assert!(
        (secs(18)..secs(20)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_held_for_no_longer_than_the_cap() {
    let layer = RetryOn429Layer::new().max_server_wait(secs(15));
    // Refuses for ever; its attempts prolong the pause again and again.
    let refusing = layer.clone().max_attempts(1000);
    tokio::spawn(
        refusing
            .layer(script((0..1000).map(|_| retry_after(10))))
            .oneshot(get()),
    );
    tokio::task::yield_now().await;
    let start = Instant::now();
    layer.layer(idle()).oneshot(get()).await.unwrap();
    assert!(
        (secs(10)..=ms(15_002)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
}

/// When a request goes again that is to wait for five seconds, and three seconds later another for twenty.
async fn retried_beside_a_pause(layer: RetryOn429Layer) -> Duration {
    let mut other = layer.layer(script([retry_after(20)]));
    other.ready().await.unwrap();
    let inner = script([retry_after(5)]);
    let start = Instant::now();
    let retried = tokio::spawn(layer.layer(inner.clone()).oneshot(get()));
    sleep(secs(3)).await;
    tokio::spawn(other.call(get()));
    retried.await.unwrap().unwrap();
    inner.times()[1] - start
}

#[tokio::test(start_paused = true)]
async fn a_retry_respects_the_pause_of_another() {
    let retried = retried_beside_a_pause(RetryOn429Layer::new()).await;
    assert!(retried >= secs(23), "{retried:?}");
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_has_to_be_in_time_waits_for_no_pause_beyond_it() {
    let layer = RetryOn429Layer::new().max_elapsed(secs(10));
    let retried = retried_beside_a_pause(layer).await;
    assert!((secs(9)..=ms(10_001)).contains(&retried), "{retried:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_known_counts_when_the_retry_is_planned() {
    let layer = RetryOn429Layer::new().max_elapsed(secs(10));
    let mut service = layer.layer(script([status(429)]));
    service.ready().await.unwrap();
    let _layer = paused(layer, 60).await;
    let start = Instant::now();
    let response = service.call(get()).await.unwrap();
    assert_eq!((response.status().as_u16(), start.elapsed()), (429, ms(0)));
}

#[tokio::test(start_paused = true)]
async fn a_wait_over_the_cap_pauses_nobody() {
    let layer = paused(RetryOn429Layer::new(), 121).await;
    let start = Instant::now();
    layer.layer(idle()).oneshot(get()).await.unwrap();
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_a_wait_pauses_nobody() {
    assert_eq!(waits_after(status(429)).await, ms(0));
}

#[tokio::test(start_paused = true)]
async fn where_a_gate_governs_the_layer_does_not_pause() {
    let mut refusal: Response<Full<Bytes>> = retry_after(10);
    refusal.extensions_mut().insert(HintSink::new(|_| {}));
    assert_eq!(waits_after(refusal).await, ms(0));
}

#[tokio::test(start_paused = true)]
async fn the_pause_holds_while_the_refused_body_is_still_read() {
    let body = TestBody::default().then(Then::Pend);
    let refusal = Response::builder()
        .status(429)
        .header("retry-after", "10")
        .body(body)
        .unwrap();
    assert!(waits_after(refusal).await >= secs(10));
}

#[tokio::test(start_paused = true)]
async fn layers_made_apart_share_nothing() {
    let _paused = paused(RetryOn429Layer::new(), 10).await;
    let start = Instant::now();
    answer_of(RetryOn429Layer::new().layer(idle())).await;
    assert_eq!(start.elapsed(), ms(0));
}
