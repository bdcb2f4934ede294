//! Members through a real Redis: what they get, what it costs, and who goes.

use std::time::Duration;

use tokio::time::{advance, pause, resume};
use tower_throttle::fleet::redis::{Redis, RedisFleet};
use tower_throttle::fleet::{Capacity, Report, Store as _};

use crate::server;
use crate::support::{Api, Process, jain, seconds};

fn fleet(server: &server::Redis) -> RedisFleet {
    let capacity = Capacity::unknown().rate(40.0, 40).places(40);
    RedisFleet::new(Redis::new(server.client(), "test")).capacity(capacity)
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn eight_members_have_equal_shares_and_no_refusals() {
    let server = server::Redis::start().await;
    let api = Api::new(Some((40.0, 40.0)), Some(40), 0.2);
    let processes: Vec<_> = (0..8)
        .map(|index| Process::start(fleet(&server), &api, index, 16))
        .collect();
    seconds(10.0).await;
    assert_eq!(api.refused(0.0, 10.0), 0);
    let accepted = api.accepted(2.0, 10.0);
    assert!(accepted >= 304, "{accepted} of 320");
    let parts = api.parts(8, 2.0, 10.0);
    assert!(jain(&parts) >= 0.99, "{parts:?}");
    let rows = fleet(&server).members().await.unwrap();
    assert_eq!(rows.len(), 8);
    assert_eq!(rows.iter().filter_map(|row| row.places).sum::<f64>(), 40.0);
    let (_, calls) = server.script_time().await;
    assert!(calls / 80.0 <= 2.5, "{calls} calls in ten seconds");
    drop(processes);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_share_of_a_member_that_is_killed_is_back_within_three_periods() {
    let server = server::Redis::start().await;
    let api = Api::new(Some((40.0, 40.0)), Some(40), 0.2);
    let [one, other] = [0, 1].map(|index| Process::start(fleet(&server), &api, index, 64));
    seconds(3.0).await;
    assert_eq!(one.handle.limit(), 20);
    other.die();
    seconds(1.5).await;
    assert_eq!(one.handle.limit(), 40);
    assert_eq!(one.handle.rate(), Some(40.0));
    assert_eq!(api.refused(0.0, 5.0), 0);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_share_of_a_member_that_leaves_is_back_with_the_next_report() {
    let server = server::Redis::start().await;
    let api = Api::new(Some((40.0, 40.0)), Some(40), 0.2);
    let leaving = fleet(&server);
    let one = Process::start(fleet(&server), &api, 0, 64);
    let other = Process::start(leaving.clone(), &api, 1, 64);
    seconds(3.0).await;
    other.handle.close();
    other.handle.drained().await;
    leaving.leave().await;
    assert_eq!(leaving.members().await.unwrap().len(), 1);
    seconds(0.6).await;
    assert_eq!(one.handle.limit(), 40);
}

/// The members' clocks are those of their runtimes, and Redis's own is the only one that counts.
#[test]
#[ignore = "needs redis-server"]
fn members_whose_clocks_are_an_hour_apart_share_alike() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let server = runtime().block_on(server::Redis::start());
    let port = server.port;
    let limits = [0, 1].map(|index: u64| {
        std::thread::spawn(move || {
            runtime().block_on(async {
                pause();
                advance(Duration::from_secs(3600 * index)).await;
                resume();
                let api = Api::new(None, None, 0.1);
                let store = Redis::new(server::client(port), "test");
                let fleet = RedisFleet::new(store).capacity(Capacity::unknown().places(10));
                let process = Process::start(fleet, &api, 0, 20);
                seconds(3.0).await;
                process.handle.limit()
            })
        })
    });
    assert_eq!(limits.map(|limit| limit.join().unwrap()), [5, 5]);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn with_200_members_a_call_takes_a_millisecond_at_most() {
    let server = server::Redis::start().await;
    let store = Redis::new(server.client(), "test");
    for capacity in [
        Capacity::unknown().rate(400.0, 40).places(500),
        Capacity::unknown(),
    ] {
        for round in 0..3 {
            for member in 0..200 {
                let mut report = Report::default();
                report.id = format!("{member:016x}");
                (report.period, report.wants, report.in_flight) = (5000.0, 64 + member, 2);
                (report.used, report.capacity) = (2.0 + member as f64 / 300.0, capacity);
                report.places = (round > 0).then_some(2.0);
                store.sync(&report).await.unwrap();
            }
        }
        assert_eq!(store.members().await.unwrap().len(), 200);
    }
    let (micros, calls) = server.script_time().await;
    println!("{calls} calls of {micros} us each, with up to 200 members");
    assert!(micros <= 1000.0, "{micros} us");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_pause_is_everybodys() {
    let server = server::Redis::start().await;
    let api = Api::new(None, Some(40), 0.1);
    let [one, other] = [0, 1].map(|index| Process::start(fleet(&server), &api, index, 4));
    seconds(1.5).await;
    one.handle.pause(Duration::from_secs(20));
    // How soon it is told is tested on a clock that stands still, in `local.rs`.
    let (told, left) = loop {
        let left = one
            .handle
            .pause_remaining()
            .expect("it is told before it ends");
        match other.handle.pause_remaining() {
            Some(told) => break (told, left),
            None => seconds(0.01).await,
        }
    };
    // It ends no sooner than the first, whatever the way took, and is not begun anew.
    assert!(
        told + Duration::from_millis(20) >= left,
        "{told:?} of {left:?}"
    );
    assert!(told < Duration::from_secs(20), "{told:?}");
}
