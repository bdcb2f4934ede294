//! Every change of the default limit has a reason.

use sim::limits::Bucket;
use sim::{Arrival, Fate, Server};

use crate::support::{Lines, batch};

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
