//! The gateway's own answers, and the upstream's that are not retried.

use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::any;
use axum::{Json, Router};
use bytesize::ByteSize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::common::{Patient, gateway, refusal, upstream};

#[tokio::test]
async fn a_body_that_is_too_large_gets_413_and_is_not_sent() {
    let upstream = Patient::start().await;
    upstream.may.add_permits(1);
    let gateway = gateway(&upstream.url, |config| config.max_body = ByteSize::kib(8)).await;
    let body = |size| gateway.post("/v1/x").body(vec![b'x'; size]).unwrap();
    let refused = gateway.fetch(body(8 * 1024 + 1)).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(refusal(&refused), "gateway_body_too_large");
    let taken = gateway.fetch(body(8 * 1024)).await;
    assert_eq!(taken.status(), StatusCode::OK);
    assert_eq!(gateway.status(0).await["accepted"], 1);
}

#[tokio::test]
async fn a_body_that_does_not_come_gets_408_and_gives_up_its_place() {
    let upstream = Patient::start().await;
    let gateway = gateway(&upstream.url, |config| {
        config.body_timeout = Duration::from_secs(2);
    });
    let gateway = gateway.await;
    let mut stream = TcpStream::connect(&gateway.url["http://".len()..])
        .await
        .unwrap();
    let head = "POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    stream.write_all(head.as_bytes()).await.unwrap();
    gateway.until_load(0, 1).await;
    let mut answer = vec![0; 4096];
    let size = stream.read(&mut answer).await.unwrap();
    let answer = std::str::from_utf8(&answer[..size]).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("gateway_body_timeout"), "{answer}");
    gateway.until_load(0, 0).await;
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_in_time_gets_504() {
    let upstream = Patient::start().await;
    let gateway = gateway(&upstream.url, |config| {
        config.timeout = Duration::from_millis(200);
    });
    let gateway = gateway.await;
    let refused = gateway.in_background().await.unwrap();
    assert_eq!(refused.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(refusal(&refused), "gateway_timeout");
    gateway.until_load(0, 0).await;
    crate::common::until("nothing is worked on", || upstream.working() == 0).await;
}

#[tokio::test]
async fn an_upstream_that_is_not_there_gets_502_which_says_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let gateway = gateway(&format!("http://{address}"), |_| {}).await;
    let refused = gateway.in_background().await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(refusal(&refused), "gateway_upstream_unreachable");
    gateway.until_load(0, 0).await;
}

#[tokio::test]
async fn an_upstream_that_hangs_up_gets_502_which_says_that_something_may_have_been_done() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
        }
    });
    let gateway = gateway(&format!("http://{address}"), |_| {}).await;
    let refused = gateway.in_background().await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(refusal(&refused), "gateway_upstream_failed");
    gateway.until_load(0, 0).await;
}

#[tokio::test]
async fn a_refusal_for_good_is_passed_on_as_it_is() {
    let error = json!({ "error": { "code": "insufficient_quota", "message": "Pay." } });
    let body = error.clone();
    let answer = any(async move || (StatusCode::TOO_MANY_REQUESTS, Json(body)));
    let url = upstream(Router::new().route("/v1/{*rest}", answer)).await;
    let gateway = gateway(&url, |_| {}).await;
    let refused = gateway.in_background().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(crate::common::json(&refused), error);
    assert_eq!(refused.headers()["x-gateway-attempts"], "1");
    assert!(!refused.headers().contains_key("x-gateway-refusal"));
}
