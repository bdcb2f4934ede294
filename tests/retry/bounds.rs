//! Every bound ends the retries, and the caller has the last answer.

use http::Response;
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tower::{Layer, ServiceExt};
use tower_throttle::retry::{Attempts, Backoff, Jitter, ReplayBody, RetryBudget};
use tower_throttle::{Hint, RetryOn429Layer};

use crate::support::*;

fn refusals() -> impl Iterator<Item = Response<Full<bytes::Bytes>>> {
    (0..1000).map(|_| status(429))
}

fn each(wait: std::time::Duration) -> RetryOn429Layer {
    RetryOn429Layer::new().backoff(Backoff::exponential(wait, wait).jitter(Jitter::None))
}

#[tokio::test(start_paused = true)]
async fn attempts_are_bounded() {
    for (max, sent) in [(0, 1), (1, 1), (3, 3), (32, 32)] {
        let inner = script(refusals());
        let layer = each(ms(10)).max_attempts(max);
        let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
        assert_eq!(response.status(), 429);
        assert_eq!(inner.count(), sent);
        assert_eq!(Attempts::of(response.extensions()).get() as usize, sent);
        assert!(response.extensions().get::<Hint>().unwrap().is_refusal());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_sent_again_costs_the_budget_nothing() {
    let inner = tower::service_fn(
        |request: http::Request<ReplayBody<Full<bytes::Bytes>>>| async {
            request.into_body().collect().await.unwrap();
            Ok::<_, std::convert::Infallible>(status(429))
        },
    );
    let budget = RetryBudget::new(10);
    let service = RetryOn429Layer::new().budget(budget.clone()).layer(inner);
    for _ in 0..5 {
        let upload = ReplayBody::new(Full::from("longer than what is kept"), 10);
        let response = service.clone().oneshot(http::Request::new(upload)).await;
        assert_eq!(response.unwrap().status(), 429);
    }
    assert_eq!(budget.available(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_a_spent_budget_ends_is_not_taken_from_its_only_attempt() {
    let bodies = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let inner = tower::service_fn({
        let bodies = std::sync::Arc::clone(&bodies);
        move |request: http::Request<ReplayBody<TestBody>>| {
            bodies.lock().unwrap().push(request.into_body());
            async { Ok::<_, std::convert::Infallible>(status(429)) }
        }
    });
    let service = RetryOn429Layer::new()
        .budget(RetryBudget::new(0))
        .layer(inner);
    let upload = ReplayBody::new(TestBody::of(&["one", "two"]), 100);
    service.oneshot(http::Request::new(upload)).await.unwrap();
    let upload = bodies.lock().unwrap().pop().unwrap();
    assert_eq!(upload.collect().await.unwrap().to_bytes(), "onetwo");
}

#[tokio::test(start_paused = true)]
async fn by_default_a_request_is_sent_32_times() {
    let inner = script(refusals());
    let layer = RetryOn429Layer::new().max_outage(secs(1_000_000));
    layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!(inner.count(), 32);
}

#[tokio::test(start_paused = true)]
async fn elapsed_time_is_kept_strictly() {
    let inner = script(refusals());
    let layer = each(secs(2)).max_elapsed(secs(5));
    let start = Instant::now();
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 429);
    // Sent at 0, 2 and 4 s; 6 s would be too late, so the answer of 4 s is returned then.
    assert_eq!(inner.count(), 3);
    assert!(
        (secs(4)..ms(4100)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_elapsed_time_is_not_begun() {
    let inner = script([retry_after(30)]);
    let start = Instant::now();
    let layer = RetryOn429Layer::new().max_elapsed(secs(30));
    let response = layer.layer(inner).oneshot(get()).await.unwrap();
    assert_eq!((response.status().as_u16(), start.elapsed()), (429, ms(0)));
}

#[tokio::test(start_paused = true)]
async fn the_longest_server_wait_is_inclusive() {
    for (wait, status) in [(120, 200), (121, 429), (u64::MAX, 429)] {
        let inner = script([retry_after(wait)]);
        let response = answer_of(RetryOn429Layer::new().layer(inner)).await;
        assert_eq!(response.status(), status, "{wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn any_server_wait_can_be_allowed() {
    let inner = script([retry_after(u64::MAX)]);
    let layer = RetryOn429Layer::new().max_server_wait(std::time::Duration::MAX);
    let future = layer.layer(inner).oneshot(get());
    assert!(tokio::time::timeout(secs(86_400), future).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_outage_ends_a_request() {
    let inner = script(refusals());
    let layer = each(secs(40)).max_outage(secs(300));
    let start = Instant::now();
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 429);
    // The first refusal at 40 n >= 300.
    assert!(
        (secs(320)..secs(321)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn the_success_of_another_request_restarts_the_outage() {
    let layer = each(secs(40)).max_outage(secs(300));
    let healthy = layer.layer(script([status(200)]));
    tokio::spawn(async move {
        tokio::time::sleep(secs(290)).await;
        healthy.oneshot(get()).await.unwrap();
    });
    let inner = script(refusals());
    let start = Instant::now();
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 429);
    // Noticed at the refusal of 320 s, from which it counts anew.
    assert!(
        (secs(640)..secs(641)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_server_does_not_restart_the_outage() {
    let layer = each(secs(40)).max_outage(secs(300));
    let failing = layer.layer(script([status(500)]));
    tokio::spawn(async move {
        tokio::time::sleep(secs(290)).await;
        failing.oneshot(get()).await.unwrap();
    });
    let start = Instant::now();
    answer_of(layer.layer(script(refusals()))).await;
    assert!(start.elapsed() < secs(321), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_refusals_loses_no_request() {
    let start = Instant::now();
    let inner = tower::service_fn(move |_: Req| async move {
        let code = if start.elapsed() < secs(60) { 429 } else { 200 };
        Ok::<_, std::convert::Infallible>(status(code))
    });
    let service = RetryOn429Layer::new().layer(inner);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        tasks.spawn(service.clone().oneshot(get()));
    }
    for response in tasks.join_all().await {
        assert_eq!(response.unwrap().status(), 200);
    }
    assert!(start.elapsed() < secs(91), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_shared_and_filled_by_what_is_served() {
    let budget = RetryBudget::new(2).per_accepted(0.5);
    let layer = each(ms(10)).budget(budget.clone());
    let inner = script(refusals());
    let response = layer.layer(inner.clone()).oneshot(get()).await.unwrap();
    assert_eq!((response.status().as_u16(), inner.count()), (429, 3));

    let other = script(refusals());
    answer_of(layer.clone().layer(other.clone())).await;
    assert_eq!(other.count(), 1, "no budget is left");

    let healthy = layer.layer(script([status(200), status(404)]));
    healthy.clone().oneshot(get()).await.unwrap();
    assert_eq!(budget.available(), 0);
    healthy.oneshot(get()).await.unwrap();
    assert_eq!(budget.available(), 1);
    layer.layer(other.clone()).oneshot(get()).await.unwrap();
    assert_eq!(other.count(), 3, "one retry");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_copied_gets_one_attempt() {
    use tower_throttle::retry::SingleUse;
    let inner = Script::<_, std::convert::Infallible, _>::of([Ok(status(429))]);
    let request = http::Request::new(SingleUse::new(TestBody::of(&["once"])));
    let response = RetryOn429Layer::new()
        .layer(inner.clone())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(inner.count(), 1);
    assert_eq!(Attempts::of(response.extensions()).get(), 1);
}
