//! The gateway's own answers, and the upstream's that are not retried.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::any;
use axum::{Json, Router};
use bytesize::ByteSize;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

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

#[tokio::test]
async fn a_refusal_for_good_is_read_though_it_is_compressed() {
    let error = r#"{"error":{"code":"insufficient_quota","message":"Pay."}}"#;
    let answer = any(async move || {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(error.as_bytes()).unwrap();
        let headers = [
            ("content-encoding", "gzip"),
            ("content-type", "application/json"),
        ];
        (
            StatusCode::TOO_MANY_REQUESTS,
            headers,
            gzip.finish().unwrap(),
        )
    });
    let url = upstream(Router::new().route("/v1/{*rest}", answer)).await;
    let gateway = gateway(&url, |_| {}).await;
    let request = gateway
        .post("/v1/x")
        .header("accept-encoding", "gzip, deflate");
    let refused = timeout(
        Duration::from_secs(5),
        gateway.fetch(request.body("x").unwrap()),
    );
    let refused = refused.await.expect("it is told at once");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.body(), error);
    assert!(!refused.headers().contains_key("content-encoding"));
    assert_eq!(refused.headers()["x-gateway-attempts"], "1");
}

#[tokio::test]
async fn what_is_accepted_is_passed_on_compressed() {
    let answer = any(async || {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(b"work").unwrap();
        ([("content-encoding", "gzip")], gzip.finish().unwrap())
    });
    let url = upstream(Router::new().route("/v1/{*rest}", answer)).await;
    let gateway = gateway(&url, |_| {}).await;
    let request = gateway.post("/v1/x").header("accept-encoding", "gzip");
    let served = gateway.fetch(request.body("x").unwrap()).await;
    assert_eq!(served.headers()["content-encoding"], "gzip");
    assert_eq!(&served.body()[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn who_comes_after_a_quota_was_used_up_gets_a_copy_that_says_so() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let answer = any(async move || {
        counter.fetch_add(1, Ordering::SeqCst);
        let headers = [("retry-after", "3600"), ("x-request-id", "the-last-word")];
        (StatusCode::TOO_MANY_REQUESTS, headers, "used up")
    });
    let url = upstream(Router::new().route("/v1/{*rest}", answer)).await;
    let gateway = gateway(&url, |_| {}).await;
    for _ in 0..2 {
        let refused = gateway.in_background().await.unwrap();
        assert!(!refused.headers().contains_key("x-gateway-unsent"));
    }
    let told = gateway.in_background().await.unwrap();
    assert_eq!(sent.load(Ordering::SeqCst), 2);
    assert_eq!(
        (told.status().as_u16(), &**told.body()),
        (429, &b"used up"[..])
    );
    assert_eq!(told.headers()["x-gateway-unsent"], "circuit_open");
    assert_eq!(told.headers()["x-gateway-attempts"], "0");
    assert_eq!(told.headers()["x-request-id"], "the-last-word");
}
