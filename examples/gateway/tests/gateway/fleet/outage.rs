//! A Redis that is not there, or not any more, or that refuses.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::server::Redis;
use crate::binary::{program, start};
use crate::common::{Caller, Running, client, gateway, upstream};

async fn api() -> String {
    upstream(Router::new().fallback(any(async || "done"))).await
}

/// The program with this address of Redis, which it takes from its environment.
async fn with_redis(api: &str, redis: &str) -> (Child, Caller) {
    let mut program = program(&["--upstream", api, "--log", "trace"]);
    program.env("GATEWAY_REDIS", redis);
    let (child, url) = start(program).await;
    (child, client(&url))
}

async fn one_request(gateway: &Caller) {
    let request = gateway
        .post("/v1/x")
        .header("authorization", "Bearer SECRET-key");
    let answer = gateway.fetch(request.body("").unwrap()).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

/// What the page says of Redis, once it says something.
async fn failure(gateway: &Caller) -> String {
    for _ in 0..200 {
        let status = gateway.status(0).await;
        if let Value::String(failure) = &status["sharing"]["failure"] {
            return failure.clone();
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("Redis does not fail");
}

async fn until_it_serves(gateway: &Caller) {
    for _ in 0..200 {
        if gateway.status(0).await["sharing"]["failure"].is_null() {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("Redis does not serve");
}

async fn up(gateway: &Caller) -> bool {
    let metrics = gateway.get("/metrics").await;
    let text = String::from_utf8_lossy(metrics.body()).into_owned();
    assert!(!text.contains("SECRET"), "{text}");
    text.contains("gateway_redis_up 1")
}

/// The program's log so far. It is killed.
async fn log(child: &mut Child) -> String {
    child.start_kill().unwrap();
    let mut log = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut log).await.unwrap();
    assert!(!log.contains("SECRET"), "{log}");
    log
}

/// Requests are answered, and the log, the page and the metrics say what is wrong: without a secret.
async fn fails(redis: &str, why: &str) {
    let (mut child, gateway) = with_redis(&api().await, redis).await;
    one_request(&gateway).await;
    assert!(failure(&gateway).await.contains(why));
    assert!(!up(&gateway).await);
    let status = gateway.get("/status.json").await;
    assert!(!String::from_utf8_lossy(status.body()).contains("SECRET"));
    let log = log(&mut child).await;
    let warning = log
        .lines()
        .find(|line| line.contains("Redis does not serve"));
    let warning = warning.expect("a warning").to_owned();
    assert!(
        warning.contains("WARN") && warning.contains(why),
        "{warning}"
    );
}

#[tokio::test]
async fn a_redis_that_is_not_there_stops_nothing() {
    fails(
        "redis://user:SECRET-password@127.0.0.1:1/",
        "Connection refused",
    )
    .await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_wrong_password_stops_nothing_and_is_told() {
    let redis = Redis::with(&["--requirepass", "right"]).await;
    for user in [":SECRET-password@", "nobody:SECRET-password@", ""] {
        fails(&redis.url(user), "refuses the user or the password").await;
    }
    let (mut child, gateway) = with_redis(&api().await, &redis.url(":right@")).await;
    one_request(&gateway).await;
    until_it_serves(&gateway).await;
    assert!(up(&gateway).await);
    assert!(
        log(&mut child)
            .await
            .contains("limits are shared through Redis")
    );
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_being_shown() {
    for address in [
        "SECRET",
        "nonsense://user:SECRET@x",
        "redis://x/SECRET",
        "redis://user:SECRET@:99999/",
    ] {
        let mut program = program(&["--upstream", "http://x", "--redis", address]);
        let output = program.output().await.unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{address}");
        assert!(error.contains("--redis needs an address"), "{error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[tokio::test]
async fn what_is_for_sharing_alone_is_refused_without_it() {
    for options in [
        &["--limit", "40"][..],
        &["--fleet-secret", "SECRET"],
        &["--redis", "redis://x", "--limit", "other=40"],
        &["--redis", "redis://x", "--limit", "40", "--limit", "50"],
        &["--redis", "redis://x", "--limit", "much"],
    ] {
        let mut program = program(&["--upstream", "http://x"]);
        let output = program.args(options).output().await.unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert!(error.contains("limit"), "{error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

/// How many requests one after the other are answered within this time.
async fn answered(gateway: &Caller, time: Duration) -> usize {
    let until = Instant::now() + time;
    let mut answered = 0;
    while Instant::now() < until {
        one_request(gateway).await;
        answered += 1;
    }
    answered
}

async fn sharing(redis: &Redis) -> Running {
    let api = Router::new().fallback(any(async || {
        sleep(Duration::from_millis(10)).await;
        "done"
    }));
    gateway(&upstream(api).await, |config| {
        config.redis = Some(redis.url("").parse().unwrap());
        config.limits = vec!["20".parse().unwrap()];
    })
    .await
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_redis_that_stops_or_is_lost_stops_nothing() {
    let mut redis = Redis::start().await;
    let gateway = sharing(&redis).await;
    let second = Duration::from_secs(1);
    answered(&gateway, 2 * second).await;
    until_it_serves(&gateway).await;
    let before = answered(&gateway, second).await;
    for is_lost in [false, true] {
        if is_lost {
            redis.kill();
        } else {
            redis.stop();
        }
        let meanwhile = answered(&gateway, 2 * second).await;
        assert!(
            meanwhile >= before,
            "{meanwhile} in two seconds, {before} in one"
        );
        // The page does not wait for it either.
        let page = timeout(second, gateway.get("/status.json")).await;
        assert_eq!(page.expect("an answer").status(), StatusCode::OK);
        let why = failure(&gateway).await;
        assert!(!why.is_empty() && !up(&gateway).await, "{why}");
        if is_lost {
            redis.restart().await;
        } else {
            redis.go_on();
        }
        until_it_serves(&gateway).await;
        assert!(up(&gateway).await);
        assert!(answered(&gateway, second).await * 2 >= before);
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn redis_is_reached_over_tls() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let files = tempfile::tempdir().unwrap();
    let (certificate, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    std::fs::write(&certificate, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let redis = Redis::with(&[
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-ca-cert-file",
        certificate,
        "--tls-auth-clients",
        "no",
    ])
    .await;
    let url = format!("rediss://localhost:{}/", redis.port());
    let api = api().await;
    for trusts in [true, false] {
        let mut program = program(&["--upstream", &api]);
        program.env("GATEWAY_REDIS", &url);
        if trusts {
            program.env("SSL_CERT_FILE", certificate);
        }
        let (_child, gateway) = start(program).await;
        let gateway = client(&gateway);
        one_request(&gateway).await;
        if trusts {
            until_it_serves(&gateway).await;
            // The connection may not have been there at first.
            while !up(&gateway).await {
                sleep(Duration::from_millis(50)).await;
            }
        } else {
            assert!(failure(&gateway).await.contains("certificate"));
        }
    }
}
