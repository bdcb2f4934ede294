//! The end of a gateway.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::common::{Patient, gateway, refusal, until};

#[tokio::test]
async fn what_was_taken_is_answered_and_nothing_else() {
    let upstream = Patient::start().await;
    let gateway = gateway(&upstream.url, |config| config.max_in_flight = 1).await;
    let in_flight = gateway.in_background();
    gateway.until_load(1, 0).await;
    let waiting = gateway.in_background();
    gateway.until_load(1, 1).await;

    gateway.stop.cancel();
    let address = &gateway.url["http://".len()..];
    let gone = timeout(Duration::from_secs(10), async {
        while TcpStream::connect(address).await.is_ok() {}
    });
    assert!(gone.await.is_ok(), "new connections are accepted");
    assert!(!gateway.served.is_finished());

    upstream.may.add_permits(2);
    assert_eq!(in_flight.await.unwrap().body(), "done");
    assert_eq!(waiting.await.unwrap().body(), "done");
    assert!(
        gateway.served.await.unwrap().unwrap(),
        "something was cut off"
    );
}

#[tokio::test]
async fn a_gateway_without_work_ends_at_once_though_pages_and_clients_stay_connected() {
    let upstream = Patient::start().await;
    let gateway = gateway(&upstream.url, |_| {}).await;
    // Leaves a connection behind that could be used again.
    assert_eq!(gateway.get("/status.json").await.status(), StatusCode::OK);
    gateway.stop.cancel();
    let served = timeout(Duration::from_secs(10), gateway.served).await;
    assert!(
        served
            .expect("it ends before the drain does")
            .unwrap()
            .unwrap()
    );
}

#[tokio::test]
async fn when_the_time_is_up_those_without_an_answer_are_told() {
    let upstream = Patient::start().await;
    let gateway = gateway(&upstream.url, |config| {
        config.max_in_flight = 1;
        config.drain = Duration::from_millis(300);
    });
    let gateway = gateway.await;
    let requests = [gateway.in_background(), gateway.in_background()];
    gateway.until_load(1, 1).await;

    gateway.stop.cancel();
    for request in requests {
        let refused = request.await.unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refusal(&refused), "gateway_shutting_down");
        assert!(refused.headers().contains_key("retry-after"));
    }
    assert!(
        !gateway.served.await.unwrap().unwrap(),
        "requests were given up"
    );
    until("nothing is worked on", || upstream.working() == 0).await;
}

#[tokio::test]
async fn half_a_head_and_half_a_body_hold_nothing_up() {
    let upstream = Patient::start().await;
    let gateway = gateway(&upstream.url, |_| {}).await;
    let address = &gateway.url["http://".len()..];
    let mut half_head = TcpStream::connect(address).await.unwrap();
    half_head.write_all(b"POST /v1/x HTT").await.unwrap();
    let mut half_body = TcpStream::connect(address).await.unwrap();
    let head = "POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    half_body.write_all(head.as_bytes()).await.unwrap();
    gateway.until_load(0, 1).await;
    let in_flight = gateway.in_background();
    gateway.until_load(1, 1).await;

    gateway.stop.cancel();
    let mut answer = vec![0; 4096];
    let size = half_body.read(&mut answer).await.unwrap();
    let answer = std::str::from_utf8(&answer[..size]).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("gateway_shutting_down"), "{answer}");
    assert!(!gateway.served.is_finished(), "one is worked on");
    upstream.may.add_permits(1);
    assert_eq!(in_flight.await.unwrap().body(), "done");
    let served = timeout(Duration::from_secs(5), gateway.served).await;
    let served = served.expect("it ends when what it works on does");
    assert!(served.unwrap().unwrap(), "nothing was cut off");
}
