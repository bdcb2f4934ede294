//! Servers that take all or nearly all: what the limit may not slow down.

use std::time::Duration;

use tokio::time::sleep;

use super::api::{Api, Arrival, Bucket, Fate, batch, fixed, of_kinds, throttled};

/// Calls of 20 ms, then batches of calls of 2 s.
#[tokio::test(start_paused = true)]
async fn calls_of_another_kind_are_no_server_that_slows_down() {
    for (quick, slow) in [(0.02, 2.0), (0.2, 0.3), (0.02, 0.1)] {
        let api = Api::new(move |Arrival { path, .. }| {
            Fate::served(if path == "/quick" { quick } else { slow })
        });
        let client = throttled(&api);
        for _ in 0..5 {
            of_kinds(&client, 3, |_| "/quick".into()).await;
        }
        let mut took = Vec::new();
        for _ in 0..3 {
            took.push(of_kinds(&client, 2000, |_| "/slow".into()).await);
        }
        // From 4 places up, doubled in each round trip or two.
        let right = [18.0, 5.0, 5.0].map(|seconds| seconds * slow / 2.0 + 1.0);
        println!("{quick} and {slow} s: {took:.2?} for {right:?}");
        assert!(
            took.iter().zip(right).all(|(took, right)| *took <= right),
            "{took:?}"
        );
    }
}

/// Requests per second once grown, beside those of a fixed limit.
#[tokio::test(start_paused = true)]
async fn short_latencies_are_kept_pace_with() {
    for (places, latency) in [(200, 0.01), (1000, 0.02), (6, 0.003)] {
        let api = || Api::new(move |Arrival { busy, .. }| Fate::taken_if(busy < places, latency));
        let jobs = (30.0 * places as f64 / latency.max(0.001)).min(60_000.0) as usize;
        let learning = throttled(&api());
        batch(&learning, jobs / 2).await;
        let took = batch(&learning, jobs).await;
        let best = batch(&fixed(&api(), places), jobs).await;
        println!("{places} places of {latency} s: {took:.2} s for {best:.2}");
        assert!(
            took <= best / 0.9,
            "{places} places of {latency} s: {took} s for {best}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pace_of_ten_thousand_passes_ten_thousand() {
    let mut bucket = Bucket::new(10_000.0, 1000.0);
    let api = Api::new(move |Arrival { now, .. }| Fate::taken_if(bucket.take(now), 0.01));
    let client = throttled(&api);
    batch(&client, 30_000).await;
    let took = batch(&client, 30_000).await;
    println!(
        "10,000/s: {:.0}/s, {} refused",
        30_000.0 / took,
        api.refused()
    );
    assert!(took <= 3.0 * 1.1, "{took}");
}

/// One 503 that took 30 s is soon forgotten.
#[tokio::test(start_paused = true)]
async fn one_slow_refusal_slows_no_growth() {
    let api = Api::new(move |Arrival { number, .. }| match number {
        0 => Fate {
            takes: 30.0,
            ..Fate::refused(503)
        },
        _ => Fate::served(0.1),
    });
    let client = throttled(&api);
    let first = batch(&client, 1).await;
    sleep(Duration::from_secs(1)).await;
    let took = batch(&client, 2000).await;
    let unhurt = batch(&throttled(&Api::new(|_| Fate::served(0.1))), 2000).await;
    println!("after a refusal of 30 s ({first:.1} s): {took:.2} for {unhurt:.2}");
    // It is forgotten with the first answers, which are waited for one by one.
    assert!(took <= 3.5 * unhurt, "{took} for {unhurt}");
}
