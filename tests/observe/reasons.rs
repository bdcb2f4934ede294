//! Every change of the default limit has a reason.

use sim::limits::Bucket;
use sim::{Arrival, Fate, Server};
use tower::{Layer as _, ServiceExt as _};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::Learnt;
use tower_throttle::concurrency::learnt::Rate;
use tower_throttle::hint::Dimension;

use crate::support::{Lines, batch, get};

#[tokio::test(start_paused = true)]
async fn no_change_is_without_a_reason() {
    let mut bucket = Bucket::new(8.0, 10.0);
    let mut random = fastrand::Rng::with_seed(3);
    let api = Server::new(move |Arrival { now, busy, .. }| {
        let out = (40.0..45.0).contains(&now) || random.f64() < 0.01;
        let taken = !out && busy < 12 && bucket.take(now);
        Fate::taken_if(taken, 0.3 + 0.05 * busy as f64)
    });
    let lines = Lines::default();
    batch(&api, 1000, lines.clone()).await;
    let found = lines.take();
    let changes = found.iter().filter(|line| line.contains(" -> "));
    let (mut count, mut unknown) = (0, Vec::new());
    for line in changes {
        count += 1;
        if line.contains("no reason given") {
            unknown.push(line);
        }
    }
    assert!(count > 20, "{count} changes");
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[tokio::test(start_paused = true)]
async fn growth_to_what_the_last_run_found_says_so_and_what_is_forgotten_as_well() {
    let lines = Lines::default();
    let found = Learnt::new(12);
    let rate = Rate::new(Dimension::Requests, 9.0).unwrap();
    for record in [found.clone(), found.with_rate(rate)] {
        let api = Server::new(|_| Fate::taken_if(true, 1.0));
        let layer = AdaptiveConcurrencyLayer::new()
            .observe(lines.clone())
            .resume(record.with_at(std::time::SystemTime::now()));
        let client = layer.layer(api);
        let jobs = (0..12).map(|_| tokio::spawn(client.clone().oneshot(get())));
        for job in jobs.collect::<Vec<_>>() {
            job.await.unwrap().unwrap();
        }
        layer.handle().forget();
    }
    let changes = lines.take();
    let changes: Vec<_> = changes.iter().filter(|it| it.contains(" -> ")).collect();
    let says = |what: &str| changes.iter().any(|line| line.contains(what));
    assert!(
        says("limit 4 -> 5: begins with what the last run found"),
        "{changes:#?}"
    );
    assert!(says("limit 9 -> 4: set by the program"), "{changes:#?}");
    assert!(says("-> none: set by the program"), "{changes:#?}");
    assert!(!says("no reason given"), "{changes:#?}");
}
