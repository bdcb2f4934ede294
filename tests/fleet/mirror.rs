//! The script is the book: the same reports have the same answers, to the digit.

use std::time::Duration;

use tokio::time::sleep;
use tower_throttle::fleet::redis::Redis;
use tower_throttle::fleet::{Book, Capacity, Report, Store as _};

use crate::server;

/// Short, so that what takes two minutes takes a second.
const PERIOD: f64 = 6.0;

/// What a member may say, whether or not it makes sense.
fn random_report(luck: &mut fastrand::Rng, capacity: Capacity, members: u64) -> Report {
    let mut report = Report::default();
    report.id = format!("member-{}", luck.u64(..members));
    report.period = PERIOD;
    report.wants = luck.u64(..80) * luck.u64(..2);
    report.in_flight = luck.u64(..=report.wants);
    report.used = if luck.bool() { luck.f64() * 20.0 } else { 0.0 };
    report.refused = luck.u64(..3) * luck.u64(..2);
    report.places = luck.bool().then(|| luck.u32(..30).into());
    report.rate = luck.bool().then(|| luck.f64() * 30.0);
    report.led = luck.bool();
    report.capacity = capacity;
    report.pause = if luck.u8(..10) == 0 {
        luck.f64() * 20.0
    } else {
        0.0
    };
    report.leaves = luck.u8(..40) == 0;
    report
}

async fn compare(name: &str, seed: u64, capacity: Capacity, members: u64, honest: bool) {
    let server = server::Redis::start().await;
    let store = Redis::new(server.client(), name);
    let mut luck = fastrand::Rng::with_seed(seed);
    let (mut book, mut held) = (Book::default(), std::collections::HashMap::new());
    for step in 0..3000 {
        let mut report = random_report(&mut luck, capacity, members);
        if honest {
            let (places, rate, led) = held.get(&report.id).copied().unwrap_or_default();
            (report.places, report.rate, report.led) = (places, rate, led);
        }
        let real = store.sync(&report).await.unwrap();
        let expected = book.sync(real.at, &report);
        assert_eq!(
            real, expected,
            "seed {seed}, step {step}: {report:?}\n{book:#?}"
        );
        held.insert(report.id.clone(), (real.places, real.rate, real.leads));
        if step % 100 == 0 {
            let rows = store.members().await.unwrap();
            // Who is gone by now is left out.
            assert!(
                rows.iter().all(|row| book.members().contains(row)),
                "{rows:?}"
            );
        }
        if luck.u8(..50) == 0 {
            sleep(Duration::from_millis(luck.u64(..50))).await;
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_script_divides_a_known_limit_as_the_book_does() {
    let both = Capacity::unknown().rate(20.0, 20).places(40);
    for (seed, capacity) in [
        both,
        Capacity::unknown().places(7),
        Capacity::unknown().rate(0.5, 1),
    ]
    .into_iter()
    .enumerate()
    {
        compare("known", seed as u64, capacity, 12, true).await;
        compare("known", seed as u64, capacity, 12, false).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_script_shares_an_unknown_limit_as_the_book_does() {
    for seed in 0..3 {
        compare("unknown", seed, Capacity::unknown(), 12, true).await;
        compare("unknown", seed, Capacity::unknown(), 3, false).await;
    }
}
