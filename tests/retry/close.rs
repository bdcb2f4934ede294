//! A bound on a request's whole time, and the orderly end.

use std::convert::Infallible;

use http_body_util::BodyExt;
use tokio::time::{Instant, sleep};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::message::{Unsent, UnsentCause};
use tower_throttle::retry::Attempts;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_request_whose_time_is_over_in_the_line_is_answered_by_a_copy() {
    let layer = RetryOn429Layer::new().max_time(secs(30));
    let mut number = 0;
    let inner = tower::service_fn(move |_: Req| {
        number += 1;
        let (answer, latency) = match number {
            1 => (status(429), ms(1)),
            _ => (status(200), secs(100)),
        };
        async move {
            sleep(latency).await;
            Ok::<_, Infallible>(answer)
        }
    });
    let client = ServiceBuilder::new()
        .layer(layer)
        .layer(ConcurrencyLimitLayer::new(1))
        .service(tower::buffer::Buffer::new(inner, 8));
    let start = Instant::now();
    let first = tokio::spawn(client.clone().oneshot(get()));
    sleep(secs(5)).await;
    let second = client.clone().oneshot(get()).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 35);
    let unsent = Unsent::of(second.extensions()).unwrap();
    assert_eq!(unsent.cause(), UnsentCause::OutOfTime);
    assert_eq!(Attempts::of(second.extensions()).get(), 0);
    let first = first.await.unwrap().unwrap();
    assert_eq!(first.status(), 200, "an attempt under way is not cut short");
    assert!(start.elapsed() >= secs(100));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_outlast_the_time_is_not_begun() {
    let layer = RetryOn429Layer::new().max_time(secs(30));
    let start = Instant::now();
    let response = answer_of(layer.layer(script([retry_after(31)]))).await;
    assert_eq!((response.status().as_u16(), start.elapsed()), (429, ms(0)));
    assert!(
        Unsent::of(response.extensions()).is_none(),
        "its own refusal"
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_waits_for_its_turn_is_cut_off_as_well() {
    let layer = RetryOn429Layer::new().max_time(secs(30));
    let inner = ServiceBuilder::new()
        .layer(ConcurrencyLimitLayer::new(1))
        .service(tower::buffer::Buffer::new(script([status(429)]), 8));
    let mut blocker = inner.clone();
    let service = layer.layer(inner);
    let request = tokio::spawn(service.oneshot(get()));
    sleep(ms(1)).await;
    // Takes the one place for good.
    blocker.ready().await.unwrap();
    let start = Instant::now();
    let response = request.await.unwrap().unwrap();
    assert_eq!(start.elapsed().as_secs(), 29);
    let unsent = Unsent::of(response.extensions()).unwrap();
    assert_eq!(unsent.cause(), UnsentCause::OutOfTime);
    assert_eq!(Attempts::of(response.extensions()).get(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_refusal_there_is_nothing_to_answer_with() {
    let layer = RetryOn429Layer::new().max_time(secs(1));
    let slow = tower::service_fn(|_: Req| async {
        sleep(secs(10)).await;
        Ok::<_, Infallible>(status(200))
    });
    let client = ServiceBuilder::new()
        .layer(layer)
        .layer(ConcurrencyLimitLayer::new(1))
        .service(slow);
    let first = tokio::spawn(client.clone().oneshot(get()));
    tokio::task::yield_now().await;
    let second = client.oneshot(get()).await.unwrap();
    assert_eq!(second.status(), 200);
    first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn closed_nobody_new_is_sent_and_what_is_in_flight_ends() {
    let layer = RetryOn429Layer::new();
    let handle = layer.handle();
    let inner = script([status(429), status(200)]);
    let slow = tower::service_fn({
        let inner = inner.clone();
        move |request: Req| {
            let answer = inner.clone().oneshot(request);
            async move {
                sleep(secs(5)).await;
                answer.await
            }
        }
    });
    let client = ServiceBuilder::new()
        .layer(layer)
        .layer(ConcurrencyLimitLayer::new(2))
        .service(slow);
    let jobs: Vec<_> = (0..10)
        .map(|_| tokio::spawn(client.clone().oneshot(get())))
        .collect();
    sleep(secs(1)).await;
    assert_eq!(handle.pending(), 2);
    let start = Instant::now();
    handle.close();
    assert!(handle.is_closed());
    handle.drained().await;
    assert!(
        (secs(4)..ms(4020)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
    assert_eq!((inner.count(), handle.pending()), (2, 0));
    let mut sent = Vec::new();
    for job in jobs {
        let response = job.await.unwrap().unwrap();
        match Unsent::of(response.extensions()) {
            None => sent.push(response.status().as_u16()),
            Some(unsent) => {
                assert_eq!(unsent.cause(), UnsentCause::Closed);
                assert_eq!(response.status(), 503, "nothing was refused yet");
                let body = response.into_body().collect().await.unwrap();
                assert!(body.to_bytes().is_empty());
            }
        }
    }
    sent.sort_unstable();
    assert_eq!(sent, [200, 429], "in flight, and not sent again");
    // Whoever comes later is told what was said last.
    let late = client.oneshot(get()).await.unwrap();
    assert_eq!(late.status(), 429);
    assert!(
        Unsent::of(late.extensions())
            .unwrap()
            .last_refused()
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn closing_wakes_those_who_wait_for_a_retry() {
    let layer = RetryOn429Layer::new();
    let handle = layer.handle();
    let request = tokio::spawn(layer.layer(script([retry_after(100)])).oneshot(get()));
    sleep(secs(1)).await;
    let start = Instant::now();
    handle.close();
    let response = request.await.unwrap().unwrap();
    assert_eq!((response.status().as_u16(), start.elapsed()), (429, ms(0)));
}

type Answer = http::Response<http_body_util::Full<bytes::Bytes>>;

/// Sends a request up to three times to a server that refuses after a while. Returns how often it was
/// sent.
async fn sent_to_slow_refusals(code: u16, latency: std::time::Duration, request: Req) -> usize {
    let script: Script<Answer> = script((0..1000).map(move |_| status(code)));
    let inner = script.clone();
    let service = tower::service_fn(move |request: Req| {
        let answer = inner.clone().oneshot(request);
        async move {
            sleep(latency).await;
            answer.await
        }
    });
    let layer = RetryOn429Layer::new().max_attempts(3);
    layer.layer(service).oneshot(request).await.unwrap();
    script.count()
}

#[tokio::test(start_paused = true)]
async fn b05_a_refusal_that_took_as_long_as_work_does_not_repeat_a_post() {
    for (code, latency, sent) in [
        (408, secs(60), 1),
        (503, secs(60), 1),
        // A refusal is quick; and a 429 says that it was counted and not let in.
        (503, secs(2), 3),
        (429, secs(60), 3),
    ] {
        let count = sent_to_slow_refusals(code, latency, post("work")).await;
        assert_eq!(count, sent, "{code} after {latency:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn b05_what_may_be_repeated_is_sent_again_however_late_the_refusal() {
    assert_eq!(sent_to_slow_refusals(503, secs(60), get()).await, 3);
    let mut keyed = post("work");
    let headers = keyed.headers_mut();
    headers.insert("idempotency-key", "1".parse().unwrap());
    assert_eq!(sent_to_slow_refusals(503, secs(60), keyed).await, 3);
}
