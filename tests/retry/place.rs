//! A refused request keeps its place in the gate's line.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_throttle::retry::Attempts;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::support::*;

/// An API that takes 500 requests a minute, ten at once, and answers after a second.
fn api() -> impl Service<
    Req,
    Response = http::Response<http_body_util::Full<bytes::Bytes>>,
    Error = Infallible,
    Future = impl Future,
> + Clone {
    let start = Instant::now();
    let bucket = Rc::new(Cell::new((10.0, Duration::ZERO)));
    tower::service_fn(move |_: Req| {
        let (now, (tokens, filled)) = (start.elapsed(), bucket.get());
        let tokens = f64::min(tokens + (now - filled).as_secs_f64() * 500.0 / 60.0, 10.0);
        let (code, latency) = if tokens >= 1.0 {
            (200, secs(1))
        } else {
            (429, ms(35))
        };
        bucket.set((if tokens >= 1.0 { tokens - 1.0 } else { tokens }, now));
        async move {
            sleep(latency).await;
            Ok::<_, Infallible>(status(code))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn p1_it_is_served_with_its_neighbours_and_not_behind_three_thousand() {
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(api());
    let (local, start) = (LocalSet::new(), Instant::now());
    let jobs: Vec<_> = (0..3000)
        .map(|_| {
            let job = client.clone().oneshot(get());
            local.spawn_local(async move {
                let response = job.await.unwrap();
                assert_eq!(response.status(), 200);
                (start.elapsed(), Attempts::of(response.extensions()).get())
            })
        })
        .collect();
    local.await;
    let mut served = Vec::new();
    for job in jobs {
        served.push(job.await.unwrap());
    }
    let mut late = Vec::new();
    for (number, (at, attempts)) in served.iter().enumerate() {
        if *attempts > 1 {
            // Of those that were behind it and were not refused, the first to be served.
            let next = served[number + 1..]
                .iter()
                .find(|(_, attempts)| *attempts == 1);
            late.push(next.map_or(Duration::ZERO, |(next, _)| at.saturating_sub(*next)));
        }
    }
    late.sort_unstable();
    let (count, p99) = (late.len(), late[late.len() * 99 / 100]);
    println!(
        "{count} refused, late by at most {:?}, p99 {p99:?}",
        late.last()
    );
    assert!(
        p99 <= secs(2),
        "{count} were refused, and came late by {late:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_is_always_refused_does_not_stand_in_the_way() {
    let inner = tower::service_fn(|request: Req| async move {
        sleep(ms(100)).await;
        let code = if request.method() == "POST" { 429 } else { 200 };
        Ok::<_, Infallible>(status(code))
    });
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::with_limit(
            tower_throttle::concurrency::limit::Fixed::new(1),
        ))
        .service(inner);
    let (local, start) = (LocalSet::new(), Instant::now());
    let poison = local.spawn_local(client.clone().oneshot(post("poison")));
    let jobs: Vec<_> = (0..100)
        .map(|_| local.spawn_local(client.clone().oneshot(get())))
        .collect();
    local
        .run_until(async {
            for job in jobs {
                assert_eq!(job.await.unwrap().unwrap().status(), 200);
            }
        })
        .await;
    assert!(start.elapsed() <= secs(13), "{:?}", start.elapsed());
    poison.abort();
}
