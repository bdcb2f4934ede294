//! What is passed on, and how.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::AppendHeaders;
use axum::routing::{any, post};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{gateway, gateway_of, json, piece, told, upstream};

/// Answers with what was asked: a line for method and target, and one for each header.
async fn echo(request: Request) -> String {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text += &format!("{name}: {}\n", value.to_str().unwrap());
    }
    let body = request.into_body().collect().await.unwrap().to_bytes();
    text + std::str::from_utf8(&body).unwrap()
}

#[tokio::test]
async fn a_request_arrives_as_it_was_sent_but_for_what_is_of_the_connection() {
    let url = upstream(Router::new().fallback(echo)).await;
    let gateway = gateway(&format!("{url}/base"), |_| {}).await;
    let request = gateway
        .post("/v1/a%2Fb/%E2%82%AC?key=1%202&x")
        .header("authorization", "Bearer sk-test")
        .header("accept-encoding", "gzip")
        .header("x-twice", "1")
        .header("x-twice", "2")
        .header("connection", "x-private")
        .header("x-private", "1")
        .header("keep-alive", "timeout=5")
        .header("proxy-authorization", "Basic x")
        .header("proxy-connection", "keep-alive")
        .header("te", "trailers")
        .header("upgrade", "websocket");
    let answer = gateway.fetch(request.body("{}").unwrap()).await;
    let text = std::str::from_utf8(answer.body()).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.remove(0), "POST /base/v1/a%2Fb/%E2%82%AC?key=1%202&x");
    lines.sort_unstable();
    let host = url.strip_prefix("http://").unwrap();
    let expected = [
        "accept-encoding: gzip",
        "authorization: Bearer sk-test",
        "content-length: 2",
        &format!("host: {host}"),
        "via: 1.1 tower-throttle-gateway",
        "x-twice: 1",
        "x-twice: 2",
        "{}",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn an_answer_arrives_as_it_was_given_but_for_what_is_of_the_connection() {
    let answer = any(async || {
        let headers = AppendHeaders([
            ("content-encoding", "br"),
            ("x-request-id", "7"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("connection", "x-private"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("trailer", "x"),
        ]);
        (
            StatusCode::IM_A_TEAPOT,
            headers,
            Bytes::from_static(b"\xff\0not utf-8"),
        )
    });
    let url = upstream(Router::new().route("/v1/x", answer)).await;
    let gateway = gateway(&url, |_| {}).await;
    let answer = gateway.fetch(gateway.post("/v1/x").body("").unwrap()).await;
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(&answer.body()[..], b"\xff\0not utf-8");
    let headers = answer.headers();
    assert_eq!(headers["content-encoding"], "br");
    assert_eq!(headers["content-length"], "11");
    assert_eq!(headers["x-request-id"], "7");
    assert_eq!(headers["x-gateway-attempts"], "1");
    assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
    for name in [
        "connection",
        "x-private",
        "keep-alive",
        "proxy-authenticate",
        "trailer",
    ] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert!(!headers.contains_key("x-gateway-refusal"));
}

#[tokio::test]
async fn events_are_passed_on_one_by_one() {
    let (events, url) = told().await;
    let gateway = gateway(&url, |_| {}).await;
    let request = gateway.post("/v1/chat").body("").unwrap();
    let answer = gateway.send(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body();
    // Each is sent only when the one before has arrived, so nothing can be waiting for more.
    for event in ["data: 1\n\n", "data: 2\n\n", "data: [DONE]\n\n"] {
        events.send(Ok(event)).unwrap();
        assert_eq!(piece(&mut body).await.unwrap().unwrap(), event);
        // In flight until the end.
        assert_eq!(gateway.load().await, (1, 0));
    }
    drop(events);
    assert!(piece(&mut body).await.is_none());
    gateway.until_load(0, 0).await;
}

#[tokio::test]
async fn a_refused_request_is_sent_again_with_its_body_even_if_that_was_streamed() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let answer = post(async move |headers: HeaderMap, body: Bytes| {
        assert_eq!(headers["content-length"], "11");
        match counter.fetch_add(1, Ordering::SeqCst) {
            0 => (StatusCode::TOO_MANY_REQUESTS, Bytes::new()),
            _ => (StatusCode::OK, body),
        }
    });
    let url = upstream(Router::new().route("/v1/x", answer)).await;
    let gateway = gateway(&url, |_| {}).await;
    // By hand: in pieces, without a length.
    let mut stream = TcpStream::connect(&gateway.url["http://".len()..])
        .await
        .unwrap();
    let head =
        "POST /v1/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    for piece in [head, "5\r\nhello\r\n", "6\r\n world\r\n", "0\r\n\r\n"] {
        stream.write_all(piece.as_bytes()).await.unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("x-gateway-attempts: 2\r\n"), "{answer}");
    assert!(answer.ends_with("hello world"), "{answer}");
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_upstream_that_asks_for_a_pause_does_not_hold_up_another() {
    let limited = any(async || (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")]));
    let limited = upstream(Router::new().route("/v1/x", limited)).await;
    let free = upstream(Router::new().fallback(echo)).await;
    let targets = [format!("limited={limited}"), format!("free={free}")];
    let gateway = gateway_of(&targets, |_| {}).await;
    let refused = gateway.get("/limited/v1/x");
    let others = async {
        while gateway.status(0).await["pause_ms"].is_null() {}
        assert_eq!(gateway.get("/free/v1/x").await.status(), StatusCode::OK);
        assert!(gateway.status(1).await["pause_ms"].is_null());
        assert_eq!(gateway.status(1).await["accepted"], 1);
    };
    tokio::select! {
        _ = refused => panic!("answered during its pause"),
        () = others => {}
    }
}

#[tokio::test]
async fn the_first_upstream_needs_no_name_and_nothing_else_is_forwarded() {
    let urls = [
        upstream(Router::new().fallback(async || "one")).await,
        upstream(Router::new().fallback(async || "two")).await,
    ];
    let targets = [format!("one={}", urls[0]), format!("two={}", urls[1])];
    let gateway = gateway_of(&targets, |_| {}).await;
    for (path, answer) in [("/v1/x", "one"), ("/one/v1/x", "one"), ("/two/v1/x", "two")] {
        assert_eq!(gateway.get(path).await.body(), answer, "{path}");
    }
    for path in ["/v2/x", "/three/v1/x", "/one/x", "/v1"] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(json(&answer)["error"]["code"], "gateway_not_found");
    }
}
