//! The script, and what else lies under its key.

use redis::AsyncCommands as _;
use tower_throttle::fleet::redis::Redis;
use tower_throttle::fleet::{Report, Store as _};

use crate::server;

fn report(id: &str) -> Report {
    let mut report = Report::default();
    (report.id, report.period, report.wants) = (id.into(), 500.0, 3);
    report
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_record_is_one_key_that_ends() {
    let server = server::Redis::start().await;
    let store = Redis::new(server.client(), "openai:gpt-5");
    store.sync(&report("a")).await.unwrap();
    let mut connection = server
        .client()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let keys: Vec<String> = connection.keys("*").await.unwrap();
    assert_eq!(keys, ["tower-throttle:{openai:gpt-5}"]);
    let millis: i64 = connection.pttl(&keys[0]).await.unwrap();
    assert!((59_000..=60_000).contains(&millis), "{millis}");
    // The last one to leave takes it along.
    let mut leaves = report("a");
    leaves.leaves = true;
    store.sync(&leaves).await.unwrap();
    let keys: Vec<String> = connection.keys("*").await.unwrap();
    assert!(keys.is_empty());
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_script_that_redis_has_lost_is_sent_again() {
    let server = server::Redis::start().await;
    let store = Redis::with_connection(
        server
            .client()
            .get_multiplexed_async_connection()
            .await
            .unwrap(),
        "test",
    );
    store.sync(&report("a")).await.unwrap();
    let mut connection = server
        .client()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let () = redis::cmd("SCRIPT")
        .arg("FLUSH")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(store.sync(&report("a")).await.unwrap().members, 1);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_key_that_holds_something_else_is_an_error() {
    let server = server::Redis::start().await;
    let store = Redis::new(server.client(), "test");
    let mut connection = server
        .client()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let () = connection
        .set("tower-throttle:{test}", "nonsense")
        .await
        .unwrap();
    assert!(store.sync(&report("a")).await.is_err());
}

#[test]
fn no_secret_stands_in_debug() {
    let client = redis::Client::open("redis://user:secret@127.0.0.1/").unwrap();
    let fleet = tower_throttle::fleet::Fleet::new(Redis::new(client, "account-of-somebody"));
    let shown = format!("{fleet:?} {:?}", fleet.store());
    assert!(
        !shown.contains("secret") && !shown.contains("somebody"),
        "{shown}"
    );
}
