//! Members that share a book in memory, on a paused clock.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use sim::server::Backend;
use sim::{Arrival, Fate, Server};
use tower_throttle::fleet::{Capacity, Fleet, Local};

use crate::support::{Api, Process, jain, seconds};

fn fleet(store: &Local, seed: u64) -> Fleet<Local> {
    Fleet::new(store.clone()).seed(seed)
}

#[tokio::test(start_paused = true)]
async fn a_known_limit_is_divided_without_a_refusal() {
    let (api, store) = (Api::new(Some((20.0, 20.0)), Some(40), 1.9), Local::new());
    let capacity = Capacity::unknown().rate(20.0, 20).places(40);
    let start = |index| {
        Process::start(
            fleet(&store, index as u64).capacity(capacity),
            &api,
            index,
            64,
        )
    };
    let processes: Vec<_> = (0..8).map(start).collect();
    seconds(60.0).await;
    assert_eq!(api.refused(0.0, 60.0), 0);
    let accepted = api.accepted(0.0, 60.0) as f64;
    assert!(1220.0 / accepted <= 1.05, "{accepted}");
    let parts = api.parts(8, 0.0, 60.0);
    assert!(jain(&parts) >= 0.99, "{parts:?}");
    assert!(processes.iter().all(|process| process.handle.limit() == 5));
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_nobody_knows_is_found_and_shared() {
    let (mut accepted, mut accepted_late, mut refused) = (0, 0, 0);
    for seed in 0..4 {
        let (api, store) = (Api::new(Some((20.0, 20.0)), None, 0.5), Local::new());
        let start = |index| Process::start(fleet(&store, 8 * seed + index as u64), &api, index, 64);
        let processes: Vec<_> = (0..8).map(start).collect();
        seconds(60.0).await;
        accepted += api.accepted(0.0, 60.0);
        accepted_late += api.accepted(15.0, 60.0);
        refused += api.refused(15.0, 60.0);
        let parts = api.parts(8, 15.0, 60.0);
        assert!(jain(&parts) >= 0.97, "{parts:?}");
        drop(processes);
    }
    assert!(4.0 * 1220.0 / accepted as f64 <= 1.05, "{accepted}");
    assert!(
        refused as f64 / accepted_late as f64 <= 0.025,
        "{refused} beside {accepted_late}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_an_idle_member_does_not_want_is_the_others() {
    let (api, store) = (Api::new(Some((20.0, 20.0)), None, 0.1), Local::new());
    let capacity = Capacity::unknown().rate(20.0, 20);
    let busy = Process::start(fleet(&store, 1).capacity(capacity), &api, 0, 64);
    let idle = Process::start(fleet(&store, 2).capacity(capacity), &api, 1, 0);
    seconds(10.0).await;
    let rates = [&busy, &idle].map(|process| process.handle.rate().unwrap());
    let near = |rate: f64, expected: f64| (rate - expected).abs() < 1e-9;
    assert!(near(rates[0], 19.6) && near(rates[1], 0.4), "{rates:?}");
    // It has work again: within a period and a half it has its half.
    let fresh = Process::start(fleet(&store, 3).capacity(capacity), &api, 2, 64);
    seconds(2.0).await;
    assert_eq!(fresh.handle.rate(), busy.handle.rate());
}

/// A quota that each answer tells.
struct Telling;

impl Backend for Telling {
    fn decide(&mut self, _: Arrival<'_>) -> Fate {
        Fate::served(0.1)
    }

    fn tell(&mut self, _: f64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("ratelimit-policy", "\"default\";q=600;w=60"),
            ("ratelimit", "\"default\";r=500;t=30"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_one_member_is_told_is_everybodys() {
    let (mut api, store) = (Api::new(None, None, 0.1), Local::new());
    api.server = Server::of(Telling);
    let processes = [(0, 8), (1, 8)]
        .map(|(index, tasks)| Process::start(fleet(&store, index as u64), &api, index, tasks));
    seconds(5.0).await;
    let rates = processes.each_ref().map(|process| process.handle.rate());
    let known = rates.map(|rate| rate.is_some_and(|rate| rate <= 5.01));
    assert_eq!(known, [true, true], "{rates:?}");
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_is_dropped_gives_its_share_back() {
    let (api, store) = (Api::new(None, None, 0.1), Local::new());
    let capacity = Capacity::unknown().places(40);
    let one = fleet(&store, 1).capacity(capacity);
    let kept = Process::start(one, &api, 0, 64);
    let other = fleet(&store, 2).capacity(capacity);
    let dropped = tower_throttle::AdaptiveConcurrencyLayer::new().lease(other.clone());
    let running = tokio::spawn(other.clone().run());
    seconds(2.0).await;
    assert_eq!(other.members().await.unwrap().len(), 2);
    drop(dropped);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(other.members().await.unwrap().len(), 1);
    assert_eq!(kept.handle.limit(), 40);
    other.leave().await;
    assert!(running.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_told_with_the_next_reports() {
    for seed in 0..8 {
        let (api, store) = (Api::new(None, Some(40), 0.1), Local::new());
        let start = |index| Process::start(fleet(&store, 2 * seed + index as u64), &api, index, 4);
        let [one, other] = [0, 1].map(start);
        seconds(1.5).await;
        one.handle.pause(Duration::from_secs(3));
        // One tells it with its next report, and the other is told with its own.
        seconds(1.1).await;
        let left = one.handle.pause_remaining().unwrap();
        assert_eq!(other.handle.pause_remaining(), Some(left), "seed {seed}");
    }
}
