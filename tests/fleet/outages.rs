//! A Redis that is slow, stopped, killed or out of reach of some.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tower_throttle::fleet::Capacity;
use tower_throttle::fleet::redis::{Redis, RedisFleet};

use crate::server;
use crate::support::{Api, Process, jain, seconds};

const RATE: f64 = 40.0;

/// What lies between a member and its Redis.
#[derive(Clone, Debug, Default)]
struct Wire {
    is_cut: Arc<AtomicBool>,
    /// Milliseconds that everything takes longer.
    delay: Arc<AtomicU64>,
}

impl Wire {
    /// A port that leads to another.
    async fn to(&self, port: u16) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local = listener.local_addr().unwrap().port();
        let wire = self.clone();
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                let ((from_near, to_near), (from_far, to_far)) =
                    (near.into_split(), far.into_split());
                tokio::spawn(wire.clone().carry(from_near, to_far));
                tokio::spawn(wire.clone().carry(from_far, to_near));
            }
        });
        local
    }

    async fn carry(
        self,
        mut from: tokio::net::tcp::OwnedReadHalf,
        mut to: tokio::net::tcp::OwnedWriteHalf,
    ) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            sleep(Duration::from_millis(self.delay.load(Relaxed))).await;
            // What is lost on the way is lost.
            if !self.is_cut.load(Relaxed) && to.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    }
}

fn fleet(port: u16, known: bool) -> RedisFleet {
    let fleet = RedisFleet::new(Redis::new(server::client(port), "test"));
    if known {
        fleet.capacity(Capacity::unknown().rate(RATE, RATE as u32))
    } else {
        fleet
    }
}

fn api() -> Api {
    Api::new(Some((RATE, RATE)), None, 0.2)
}

/// Whether each second from one to another had its part.
fn is_steady(api: &Api, from: usize, to: usize) -> bool {
    let mut each = (from..to).map(|at| api.accepted(at as f64, at as f64 + 1.0));
    each.all(|count| count as f64 >= 0.8 * RATE)
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn nothing_stops_when_redis_is_stopped() {
    let server = server::Redis::start().await;
    let api = api();
    let processes: Vec<_> = (0..4)
        .map(|index| Process::start(fleet(server.port, true), &api, index, 16))
        .collect();
    seconds(3.0).await;
    server.stop();
    seconds(10.0).await;
    server.go_on();
    seconds(3.0).await;
    assert!(
        is_steady(&api, 2, 15),
        "{:?}",
        api.server.log().accepted.len()
    );
    assert!(api.refused(0.0, 16.0) <= 10, "{}", api.refused(0.0, 16.0));
    drop(processes);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn nothing_stops_when_redis_is_killed_and_comes_back_empty() {
    let mut server = server::Redis::start().await;
    let api = api();
    let processes: Vec<_> = (0..4)
        .map(|index| Process::start(fleet(server.port, true), &api, index, 16))
        .collect();
    seconds(3.0).await;
    server.kill();
    seconds(10.0).await;
    server.restart().await;
    seconds(3.0).await;
    assert!(
        is_steady(&api, 2, 15),
        "{:?}",
        api.server.log().accepted.len()
    );
    assert!(api.refused(0.0, 16.0) <= 10, "{}", api.refused(0.0, 16.0));
    // The script was lost with the rest, and is there again.
    let rows = fleet(server.port, true).members().await.unwrap();
    assert_eq!(rows.len(), 4);
    drop(processes);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_redis_that_is_slow_holds_up_nobody() {
    let server = server::Redis::start().await;
    let wire = Wire::default();
    let port = wire.to(server.port).await;
    let api = api();
    let processes: Vec<_> = (0..4)
        .map(|index| Process::start(fleet(port, true), &api, index, 16))
        .collect();
    seconds(3.0).await;
    wire.delay.store(80, Relaxed);
    seconds(4.0).await;
    // Too slow to be of use.
    wire.delay.store(300, Relaxed);
    seconds(4.0).await;
    assert!(
        is_steady(&api, 2, 10),
        "{:?}",
        api.server.log().accepted.len()
    );
    assert!(api.refused(0.0, 11.0) <= 10, "{}", api.refused(0.0, 11.0));
    drop(processes);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_partition_of_half_of_the_members_ends_as_it_began() {
    let server = server::Redis::start().await;
    let wire = Wire::default();
    let port = wire.to(server.port).await;
    let api = api();
    let ports = [server.port, port, server.port, port];
    let start = |(index, port): (usize, &u16)| Process::start(fleet(*port, true), &api, index, 16);
    let processes: Vec<_> = ports.iter().enumerate().map(start).collect();
    seconds(3.0).await;
    wire.is_cut.store(true, Relaxed);
    seconds(5.0).await;
    // Those that are heard have all of it, and those that are not keep what they had: half as much again.
    let limit = 1.6 * RATE * 5.0;
    let sent = api.accepted(3.0, 8.0) + api.refused(3.0, 8.0);
    assert!((sent as f64) < limit, "{sent}");
    wire.is_cut.store(false, Relaxed);
    seconds(2.0).await;
    let (from, to) = (api.server.now(), api.server.now() + 3.0);
    seconds(3.0).await;
    let parts = api.parts(4, from, to);
    assert!(jain(&parts) >= 0.97, "{parts:?}");
    drop(processes);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_limit_that_nobody_knows_is_found_while_redis_comes_and_goes() {
    let mut server = server::Redis::start().await;
    let api = api();
    let processes: Vec<_> = (0..4)
        .map(|index| Process::start(fleet(server.port, false), &api, index, 16))
        .collect();
    seconds(12.0).await;
    let before = api.refused(2.0, 12.0);
    server.kill();
    seconds(10.0).await;
    server.restart().await;
    seconds(2.0).await;
    let during = api.refused(12.0, 24.0);
    println!("refused in the ten seconds before: {before}, without Redis: {during}");
    assert!(during <= before + 10, "{before}, {during}");
    let accepted = api.accepted(12.0, 24.0);
    assert!(accepted as f64 >= 0.8 * RATE * 12.0, "{accepted}");
    drop(processes);
}
