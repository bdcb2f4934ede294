//! A provider's own meaning of statuses and codes, in the layers.

use http::{Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_throttle::hint::Dialect;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::support::*;

fn coded(status: u16, code: &str) -> Response<Full<bytes::Bytes>> {
    let body = format!(r#"{{"error":{{"code":"{code}"}}}}"#);
    let builder = Response::builder().status(status);
    builder.body(Full::from(body)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_code_and_a_status_mean_what_the_dialect_says() {
    let dialect = Dialect::new()
        .temporary("insufficient_quota")
        .permanent("account_closed")
        .refusal(StatusCode::CONFLICT)
        .no_refusal(StatusCode::REQUEST_TIMEOUT);
    for (answer, sent) in [
        (coded(429, "insufficient_quota"), 2),
        (coded(429, "account_closed"), 1),
        (status(409), 2),
        (status(408), 1),
        (status(429), 2),
    ] {
        let shown = format!("{} {:?}", answer.status(), answer.body());
        let inner = script([answer]);
        let retry = RetryOn429Layer::new().dialect(dialect.clone());
        let _ = retry.layer(inner.clone()).oneshot(get()).await;
        assert_eq!(inner.count(), sent, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_retry_reads_in_its_own_dialect_above_a_gate_without_one() {
    let inner = script([coded(429, "insufficient_quota")]);
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().dialect(Dialect::new().temporary("insufficient_quota")))
        .layer(AdaptiveConcurrencyLayer::new())
        .service(inner.clone());
    let response = client.oneshot(get()).await.unwrap();
    assert_eq!((response.status().as_u16(), inner.count()), (200, 2));
}

#[tokio::test(start_paused = true)]
async fn the_gate_counts_in_its_dialect() {
    let dialect = Dialect::new()
        .refusal(StatusCode::CONFLICT)
        .no_refusal(StatusCode::REQUEST_TIMEOUT);
    let gate = AdaptiveConcurrencyLayer::new().dialect(dialect);
    let service = gate.layer(script([status(409), status(408), status(200)]));
    for _ in 0..3 {
        service.clone().oneshot(get()).await.unwrap();
    }
    let handle = gate.handle();
    assert_eq!((handle.refused(), handle.accepted()), (1, 2));
}
