//! A gate whose store is not there yet, or never.

use std::time::Duration;

use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::fleet::redis::{Redis, RedisFleet};
use tower_throttle::fleet::{Capacity, Fleet, Local};

use crate::server;
use crate::support::{Api, Process, seconds};

#[tokio::test]
async fn without_a_store_a_gate_has_its_own_limit() {
    let api = Api::new(None, None, 0.05);
    // Nobody listens there.
    let store = Redis::new(server::client(1), "test");
    let process = Process::start(RedisFleet::new(store), &api, 0, 8);
    seconds(1.0).await;
    assert!(api.accepted(0.0, 1.0) > 50, "{}", api.accepted(0.0, 1.0));
    let gate = process.handle.snapshot();
    assert!(gate.limit >= 8, "{gate:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_nobody_runs_sends_one_at_a_time_after_a_second() {
    let api = Api::new(None, None, 0.1);
    let fleet = Fleet::new(Local::new()).capacity(Capacity::unknown().places(40));
    let process = Process::start(fleet.clone(), &api, 0, 0);
    process.die();
    let layer = AdaptiveConcurrencyLayer::new().lease(fleet);
    use tower::{Layer as _, ServiceExt as _};
    let client = layer.layer(api.server.clone());
    let began = tokio::time::Instant::now();
    for _ in 0..3 {
        let request = http::Request::new(http_body_util::Full::default());
        client.clone().oneshot(request).await.unwrap();
    }
    assert_eq!(began.elapsed(), Duration::from_millis(1300));
}
