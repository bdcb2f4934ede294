//! Classes and deadlines.

use std::time::Duration;

use axum::http::StatusCode;

use crate::common::{Patient, gateway, refusal};

#[tokio::test]
async fn an_interactive_request_goes_before_those_that_wait() {
    let upstream = Patient::start().await;
    let gateway = gateway(&upstream.url, |config| config.max_in_flight = 1).await;
    let first = gateway.in_background();
    gateway.until_load(1, 0).await;
    let waits = gateway.in_background();
    gateway.until_load(1, 1).await;
    let request = gateway
        .post("/v1/x")
        .header("x-gateway-priority", "interactive");
    let interactive = gateway.fetch(request.body("x").unwrap());
    let others = async {
        gateway.until_load(1, 2).await;
        upstream.may.add_permits(2);
    };
    let (answer, ()) = tokio::join!(interactive, others);
    assert_eq!(answer.body(), "done");
    assert_eq!(first.await.unwrap().body(), "done");
    // The one that came before it has had no turn yet.
    assert!(!waits.is_finished());
    upstream.may.add_permits(1);
    assert_eq!(waits.await.unwrap().body(), "done");
}

#[tokio::test]
async fn one_that_cannot_be_sent_in_time_gets_503_with_the_time_that_it_takes() {
    let upstream = Patient::start().await;
    let gateway = gateway(&upstream.url, |config| {
        config.max_in_flight = 1;
        config.max_wait = Some(Duration::from_millis(50));
    });
    let gateway = gateway.await;
    let taken = gateway.in_background();
    gateway.until_load(1, 0).await;
    for (header, value) in [
        ("x-gateway-deadline", "10ms"),
        ("x-gateway-priority", "batch"),
    ] {
        let late = gateway
            .post("/v1/x")
            .header(header, value)
            .body("x")
            .unwrap();
        let refused = gateway.fetch(late).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refusal(&refused), "gateway_too_late");
        assert!(refused.headers().contains_key("retry-after"));
    }
    gateway.until_load(1, 0).await;
    upstream.may.add_permits(1);
    assert_eq!(taken.await.unwrap().body(), "done");
}

#[tokio::test]
async fn an_unknown_class_is_told_and_the_headers_are_not_passed_on() {
    let echo = axum::Router::new().route(
        "/v1/{*rest}",
        axum::routing::any(async |headers: axum::http::HeaderMap| {
            let own = headers
                .keys()
                .filter(|name| name.as_str().starts_with("x-gateway-"));
            own.count().to_string()
        }),
    );
    let gateway = gateway(&crate::common::upstream(echo).await, |_| ()).await;
    let request = gateway.post("/v1/x").header("x-gateway-priority", "urgent");
    let refused = gateway.fetch(request.body("x").unwrap()).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(refusal(&refused), "gateway_malformed_request");
    let request = gateway.post("/v1/x").header("x-gateway-priority", "batch");
    let request = request.header("x-gateway-deadline", "1h");
    let answer = gateway.fetch(request.body("x").unwrap()).await;
    assert_eq!(answer.body(), "0");
}
