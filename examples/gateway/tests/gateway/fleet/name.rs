//! What stands in Redis.

use std::collections::HashSet;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use tokio::time::sleep;

use super::server::Redis;
use crate::common::{Running, gateway_of, upstream};

/// A gateway before an upstream of this name.
async fn sharing(redis: &Redis, upstream: String, secret: Option<&str>) -> Running {
    gateway_of(&[upstream], |config| {
        config.redis = Some(redis.url("").parse().unwrap());
        config.fleet_secret = secret.map(|secret| secret.parse().unwrap());
    })
    .await
}

async fn one_request(gateway: &Running, credential: &str) {
    let request = gateway.post("/v1/x").header("authorization", credential);
    let answer = gateway.fetch(request.body(r#"{"model":"model-SECRET"}"#).unwrap());
    assert_eq!(answer.await.body(), "done");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_limit_has_one_name_in_all_gateways_and_nothing_of_a_credential_in_it() {
    let redis = Redis::start().await;
    let api = upstream(Router::new().fallback(any(async || "done"))).await;
    // What an operator calls the upstream does not matter, nor how the address is written.
    let one = sharing(&redis, format!("one={api}"), Some("SECRET-fleet")).await;
    let other = sharing(&redis, format!("other={api}/v1/"), Some("SECRET-fleet")).await;
    for gateway in [&one, &other] {
        one_request(gateway, "Bearer SECRET-one").await;
    }
    sleep(Duration::from_secs(1)).await;
    let contents = redis.contents().await;
    assert_eq!(contents.len(), 1, "{contents:?}");
    let status = one.status(0).await;
    assert_eq!(
        status["sharing"]["limits"][0]["members"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    // Another credential has another limit, and so has another secret.
    let stranger = sharing(&redis, format!("one={api}"), None).await;
    one_request(&one, "Bearer SECRET-two").await;
    one_request(&stranger, "Bearer SECRET-one").await;
    sleep(Duration::from_secs(1)).await;
    let contents = redis.contents().await;
    let names: HashSet<_> = contents.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 3, "{contents:?}");
    for (name, record) in &contents {
        let hash = name.strip_prefix("tower-throttle:{gateway:").unwrap();
        let hash = hash.strip_suffix('}').unwrap();
        assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        for hidden in ["SECRET", "127.0.0.1", "Bearer"] {
            assert!(!record.contains(hidden), "{record}");
        }
    }
    // The model is no secret to whoever sees the page; the rest is.
    let page = one.get("/status.json").await;
    let page = String::from_utf8_lossy(page.body()).replace("model-SECRET", "");
    assert!(!page.contains("SECRET"), "{page}");
    assert!(names.iter().all(|name| !page.contains(name.as_str())));
}
