//! What gateways that share a limit have of it, and what they show.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use gateway::mock::{Limits, Mock};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::server::Redis;
use crate::common::{Running, client, gateway, upstream};

/// A gateway that shares, with this limit stated if there is one.
async fn sharing(api: &str, redis: &Redis, limit: Option<&str>) -> Running {
    let limits = limit.map(|limit| limit.parse().unwrap());
    gateway(api, |config| {
        config.redis = Some(redis.url("").parse().unwrap());
        config.limits = limits.into_iter().collect();
    })
    .await
}

/// Sends requests with one credential for a while, `tasks` at a time. Returns how many were answered.
async fn load(url: &str, tasks: usize, time: Duration) -> usize {
    let until = Instant::now() + time;
    let mut all = JoinSet::new();
    for _ in 0..tasks {
        let client = client(url);
        all.spawn(async move {
            let mut answered = 0;
            while Instant::now() < until {
                let request = client.post("/v1/chat/completions");
                let request = request
                    .header("authorization", "Bearer SECRET-key")
                    .header("content-type", "application/json");
                let answer = client.fetch(request.body(r#"{"model":"small"}"#).unwrap());
                answered += usize::from(answer.await.status() == StatusCode::OK);
            }
            answered
        });
    }
    all.join_all().await.into_iter().sum()
}

/// The members of the first limit.
async fn members(gateway: &Running) -> Vec<Value> {
    let status = gateway.status(0).await;
    let limits = status["sharing"]["limits"].as_array().unwrap();
    let members = limits.first().map(|limit| limit["members"].clone());
    members.map_or(Vec::new(), |members| members.as_array().unwrap().clone())
}

fn sum(members: &[Value], field: &str) -> f64 {
    let values = members.iter().map(|member| member[field].as_f64().unwrap());
    values.sum()
}

fn alike(parts: [usize; 2]) -> bool {
    let [low, high] = [parts[0].min(parts[1]), parts[0].max(parts[1])];
    low * 10 >= high * 9
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn two_gateways_share_places_alike_and_nothing_is_refused() {
    let redis = Redis::start().await;
    let mock = Mock::new(Limits {
        concurrency: 20,
        latency: Duration::from_millis(100),
        retry_after: None,
    });
    let api = upstream(mock.router()).await;
    let one = sharing(&api, &redis, Some("20")).await;
    let other = sharing(&api, &redis, Some("api=20")).await;
    let time = Duration::from_secs(5);
    let (parts, shown) = tokio::join!(
        async { tokio::join!(load(&one.url, 30, time), load(&other.url, 30, time)) },
        async {
            sleep(Duration::from_secs(3)).await;
            [members(&one).await, members(&other).await]
        }
    );
    let seen = mock.seen();
    assert_eq!(seen.refused, 0, "{seen:?}");
    assert!(seen.most > 15, "{seen:?}");
    assert!(alike(parts.into()), "{parts:?}");
    for members in shown {
        assert_eq!(members.len(), 2, "{members:?}");
        assert_eq!(sum(&members, "places"), 20.0, "{members:?}");
        let own = members.iter().filter(|member| member["is_own"] == true);
        assert_eq!(own.count(), 1, "{members:?}");
    }
}

/// An API with a bucket of requests.
fn paced(rate: f64, burst: f64, refused: &Arc<AtomicUsize>) -> Router {
    let bucket = Arc::new(Mutex::new((burst, Instant::now())));
    let refused = Arc::clone(refused);
    Router::new().fallback(any(async move || {
        let taken = {
            let (level, at) = &mut *bucket.lock().unwrap();
            *level = (*level + rate * at.elapsed().as_secs_f64()).min(burst);
            *at = Instant::now();
            let taken = *level >= 1.0;
            *level -= f64::from(u8::from(taken));
            taken
        };
        if !taken {
            refused.fetch_add(1, Ordering::SeqCst);
            return StatusCode::TOO_MANY_REQUESTS;
        }
        sleep(Duration::from_millis(50)).await;
        StatusCode::OK
    }))
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn two_gateways_keep_a_stated_rate_together() {
    let redis = Redis::start().await;
    let refused = Arc::new(AtomicUsize::new(0));
    let api = upstream(paced(40.0, 40.0, &refused)).await;
    let [one, other] = [
        sharing(&api, &redis, Some("40/s+40")).await,
        sharing(&api, &redis, Some("2400/m+40")).await,
    ];
    let time = Duration::from_secs(5);
    let parts = tokio::join!(load(&one.url, 16, time), load(&other.url, 16, time));
    assert_eq!(refused.load(Ordering::SeqCst), 0, "{parts:?}");
    assert!(alike(parts.into()), "{parts:?}");
    assert!(parts.0 + parts.1 >= 140, "{parts:?} of 200");
    let members = members(&one).await;
    assert_eq!(sum(&members, "rate"), 40.0, "{members:?}");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_gateway_that_ends_gives_its_share_back() {
    let redis = Redis::start().await;
    let api = upstream(Router::new().fallback(any(async || "done"))).await;
    let one = sharing(&api, &redis, Some("20")).await;
    let other = sharing(&api, &redis, Some("20")).await;
    let time = Duration::from_secs(1);
    tokio::join!(load(&one.url, 1, time), load(&other.url, 1, time));
    assert_eq!(members(&one).await.len(), 2);
    other.stop.cancel();
    assert!(other.served.await.unwrap().unwrap());
    assert_eq!(members(&one).await.len(), 1);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn what_was_shared_for_a_key_that_is_forgotten_is_forgotten() {
    let redis = Redis::start().await;
    let api = upstream(Router::new().fallback(any(async || "done"))).await;
    let gateway = gateway(&api, |config| {
        config.redis = Some(redis.url("").parse().unwrap());
        config.max_keys = 2;
    })
    .await;
    for key in 0..6 {
        let request = gateway.post("/v1/x").header("x-api-key", key);
        gateway.fetch(request.body("").unwrap()).await;
        // One that is in use is not forgotten.
        sleep(Duration::from_millis(50)).await;
    }
    let mut left = redis.contents().await.len();
    for _ in 0..100 {
        if left == 2 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
        left = redis.contents().await.len();
    }
    assert_eq!(left, 2);
}
