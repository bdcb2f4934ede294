//! Batches with idle time between.

use std::time::Duration;

use tokio::time::sleep;

use super::api::{Api, Arrival, Bucket, Fate, Log, Window, batch, throttled};

/// The seconds that each of `rounds` batches takes, with idle time between them, in which one is sent now
/// and then.
async fn batches(api: Api, jobs: usize, gap: f64, trickle: Option<f64>) -> Vec<f64> {
    let client = throttled(&api);
    let mut took = Vec::new();
    for _ in 0..7 {
        took.push(batch(&client, jobs).await);
        let mut idle = gap;
        while let Some(every) = trickle.filter(|every| idle > *every) {
            sleep(Duration::from_secs_f64(every)).await;
            batch(&client, 1).await;
            idle -= every;
        }
        sleep(Duration::from_secs_f64(idle)).await;
    }
    took
}

fn bucket() -> Api {
    let mut bucket = Bucket::new(10.0, 20.0);
    Api::new(move |Arrival { now, .. }| Fate::taken_if(bucket.take(now), 0.1))
}

fn window() -> Api {
    let mut window = Window::new(50, 5.0);
    Api::new(move |Arrival { now, .. }| Fate::taken_if(window.take(now), 0.1))
}

fn log() -> Api {
    let mut log = Log::new(50, 5.0);
    Api::new(move |Arrival { now, .. }| Fate::taken_if(log.take(now), 0.1))
}

const GAPS: [(f64, Option<f64>); 6] = [
    (10.0, None),
    (60.0, None),
    (300.0, None),
    (3600.0, None),
    (300.0, Some(20.0)),
    (28_800.0, None),
];

/// 100 jobs take 8.1 s on a bucket of 20 that gains 10 in a second.
#[tokio::test(start_paused = true)]
async fn idle_time_is_no_evidence_of_a_slow_bucket() {
    for (gap, trickle) in GAPS {
        let api = bucket();
        let took = batches(api.clone(), 100, gap, trickle).await;
        println!(
            "bucket, {gap} s, {trickle:?}: {took:.1?}, {} refused",
            api.refused()
        );
        assert!(
            took.iter().all(|took| *took < 1.3 * 8.1 + 1.0),
            "gap {gap}: {took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn idle_time_is_no_evidence_of_a_slow_window() {
    for (gap, trickle) in GAPS {
        let api = window();
        let took = batches(api.clone(), 100, gap, trickle).await;
        println!(
            "window, {gap} s, {trickle:?}: {took:.1?}, {} refused",
            api.refused()
        );
        assert!(
            took.iter().all(|took| *took < 1.3 * 10.1 + 1.0),
            "gap {gap}: {took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn idle_time_is_no_evidence_of_a_slow_log() {
    for (gap, trickle) in GAPS {
        let api = log();
        let took = batches(api.clone(), 100, gap, trickle).await;
        println!(
            "log, {gap} s, {trickle:?}: {took:.1?}, {} refused",
            api.refused()
        );
        assert!(
            took.iter().all(|took| *took < 2.0 * 10.1),
            "gap {gap}: {took:?}"
        );
    }
}
