//! A store that some members cannot reach for a while, on a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tower_throttle::fleet::{Capacity, Fleet, Grant, Local, Report, Row, Store};

use crate::support::{Api, Process, jain, seconds};

/// A book behind a wire that may be cut.
#[derive(Clone, Debug, Default)]
struct Far {
    book: Local,
    is_cut: Arc<AtomicBool>,
}

impl Far {
    fn check(&self) -> Result<(), &'static str> {
        if self.is_cut.load(Relaxed) {
            return Err("out of reach");
        }
        Ok(())
    }
}

impl Store for Far {
    type Error = &'static str;

    async fn sync(&self, report: &Report) -> Result<Grant, Self::Error> {
        self.check()?;
        let Ok(grant) = self.book.sync(report).await;
        Ok(grant)
    }

    async fn members(&self) -> Result<Vec<Row>, Self::Error> {
        self.check()?;
        let Ok(rows) = self.book.members().await;
        Ok(rows)
    }
}

/// Four members, of which two are cut off for `cut` seconds. What each had accepted in three seconds, from two seconds
/// after that on.
async fn after_a_partition(api: &Api, capacity: Capacity, cut: f64, seed: u64) -> Vec<f64> {
    let near = Far::default();
    let far = Far {
        book: near.book.clone(),
        ..Far::default()
    };
    let start = |index: usize| {
        let store = [&near, &far][index % 2].clone();
        let fleet = Fleet::new(store)
            .seed(4 * seed + index as u64)
            .capacity(capacity);
        Process::start(fleet, api, index, 16)
    };
    let processes: Vec<_> = (0..4).map(start).collect();
    seconds(3.0).await;
    far.is_cut.store(true, Relaxed);
    seconds(cut).await;
    far.is_cut.store(false, Relaxed);
    seconds(2.0).await;
    let now = api.server.now();
    seconds(3.0).await;
    drop(processes);
    api.parts(4, now, now + 3.0)
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_while_a_share_was_held_twice_binds_nobody_afterwards() {
    let rate = Capacity::unknown().rate(40.0, 40);
    let places = Capacity::unknown().places(16);
    for seed in 0..6 {
        for cut in [5.0, 30.0] {
            let api = Api::new(Some((40.0, 40.0)), None, 0.2);
            let parts = after_a_partition(&api, rate, cut, seed).await;
            let sum: f64 = parts.iter().sum();
            assert!(
                jain(&parts) >= 0.97 && sum >= 0.95 * 120.0,
                "a rate, {cut} s, seed {seed}: {parts:?}"
            );
            let api = Api::new(None, Some(16), 0.2);
            let parts = after_a_partition(&api, places, cut, seed).await;
            let sum: f64 = parts.iter().sum();
            assert!(
                jain(&parts) >= 0.97 && sum >= 0.95 * 240.0,
                "places, {cut} s, seed {seed}: {parts:?}"
            );
        }
    }
}
