//! Deployments that fail at once: they have room for everything, and serve nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_throttle::retry::{RetryOn429Layer, retry_errors};
use tower_throttle::spread::Spread;

use crate::support::{Answer, Api, Req, gate, secs, status, to};

/// Serves in 100 ms, or answers with this status at once while it is ill.
fn ailing(is_ill: &Arc<AtomicBool>, answer: u16) -> (Api, Arc<AtomicUsize>) {
    let failed = Arc::new(AtomicUsize::new(0));
    let (is_ill, count) = (Arc::clone(is_ill), Arc::clone(&failed));
    let api = Api::new(move |_| {
        if !is_ill.load(Relaxed) {
            return (Duration::from_millis(100), status(200));
        }
        count.fetch_add(1, Relaxed);
        (Duration::ZERO, status(answer))
    });
    (api, failed)
}

fn ill() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(true))
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_500_is_not_sent_the_work_of_all() {
    for answer in [500, 502, 504, 521] {
        let (api, failed) = ailing(&ill(), answer);
        let sound = gate(5).layer(Api::serving(Duration::from_millis(100)));
        let client = Spread::new([gate(5).layer(api), sound.clone()]);
        let start = Instant::now();
        join_all((0..500).map(|_| client.clone().oneshot(to("a")))).await;
        // A few until it is noticed, and a probe now and then.
        println!("{answer}: {failed:?} of 500");
        assert!(failed.load(Relaxed) <= 12, "{answer}: {failed:?} of 500");
        assert!(start.elapsed() <= secs(10));
        assert_eq!(sound.handle().waiting(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn one_without_a_connection_is_not_sent_the_work_of_all() {
    let failed = Arc::new(AtomicUsize::new(0));
    let deployments = [true, false, false].map(|is_gone| {
        let failed = Arc::clone(&failed);
        let api = service_fn(move |_: Req| {
            let failed = Arc::clone(&failed);
            async move {
                if is_gone {
                    failed.fetch_add(1, Relaxed);
                    return Err("no connection");
                }
                sleep(Duration::from_millis(100)).await;
                Ok::<Answer, _>(status(200))
            }
        });
        gate(5).layer(api)
    });
    // All are sent again, so that none is lost.
    let again = retry_errors(|_: &&'static str| true);
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().classify(again))
        .service(Spread::new(deployments));
    let start = Instant::now();
    let answers = join_all((0..1_000).map(|_| client.clone().oneshot(to("a")))).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
    assert!(failed.load(Relaxed) <= 20, "{failed:?} of 1,000");
    assert!(start.elapsed() <= secs(12), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn it_is_used_again_when_it_is_back() {
    let is_ill = ill();
    let (api, failed) = ailing(&is_ill, 500);
    let mended = gate(5).layer(api);
    let client = Spread::new([mended.clone(), gate(5).layer(Api::serving(secs(1)))]);
    let work = join_all((0..600).map(|_| client.clone().oneshot(to("a"))));
    let cure = async {
        sleep(secs(10)).await;
        is_ill.store(false, Relaxed);
    };
    let start = Instant::now();
    tokio::join!(work, cure);
    assert!(failed.load(Relaxed) <= 16, "{failed:?}");
    // 5 a second; the probe after 12.7 s is served, and from then on 55 a second.
    assert!(start.elapsed() <= secs(25), "{:?}", start.elapsed());
    assert!(mended.handle().accepted() > 300);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_others_tries_it_in_time() {
    let is_ill = ill();
    let (api, _) = ailing(&is_ill, 500);
    let paused = gate(5).layer(Api::serving(secs(1)));
    let client = Spread::new([gate(5).layer(api), paused.clone()]);
    for _ in 0..100 {
        drop(client.clone().oneshot(to("a")).await);
    }
    paused.handle().pause(secs(3_000));
    is_ill.store(false, Relaxed);
    let start = Instant::now();
    let answers = join_all((0..100).map(|_| client.clone().oneshot(to("a")))).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().unwrap().status() == 200)
    );
    // The next probe is a minute away at most, and what it finds is seen by all within a second.
    assert!(start.elapsed() <= secs(64), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn if_all_fail_all_are_tried() {
    let (apis, failed): (Vec<_>, Vec<_>) = (0..3).map(|_| ailing(&ill(), 500)).unzip();
    let client = Spread::new(apis.into_iter().map(|api| gate(5).layer(api)));
    let start = Instant::now();
    for _ in 0..300 {
        let answer = client.clone().oneshot(to("a")).await.unwrap();
        assert_eq!(answer.status(), 500);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(
        failed.iter().all(|failed| failed.load(Relaxed) >= 60),
        "{failed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn some_failures_between_answers_cost_nothing() {
    // Each of two fails every second request.
    let client = Spread::new([(); 2].map(|()| {
        let count = AtomicUsize::new(0);
        gate(5).layer(Api::new(move |_| {
            let is_failure = count.fetch_add(1, Relaxed) % 2 == 0;
            (secs(1), status(if is_failure { 500 } else { 200 }))
        }))
    }));
    let start = Instant::now();
    join_all((0..500).map(|_| client.clone().oneshot(to("a")))).await;
    assert_eq!(start.elapsed(), secs(50));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_no_failure() {
    for refusal in [503, 529, 429] {
        let refuses = gate(1).layer(Api::new(move |_| (secs(1), status(refusal))));
        let client = Spread::new([refuses.clone(), gate(1).layer(Api::serving(secs(1)))]);
        for _ in 0..40 {
            client.clone().oneshot(to("a")).await.unwrap();
            sleep(secs(100)).await;
        }
        assert_eq!(refuses.handle().refused(), 20, "{refusal}");
    }
}
