//! What counts against which quota.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use crate::common::{gateway, upstream};

/// An API that asks one account for a pause of a minute.
async fn limits_one(headers: HeaderMap) -> Response {
    match headers.get("authorization") {
        Some(key) if key == "Bearer spent" => {
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")]).into_response()
        }
        _ => "done".into_response(),
    }
}

#[tokio::test]
async fn a_pause_of_one_account_holds_up_no_other() {
    let api = Router::new().fallback(any(limits_one));
    let gateway = gateway(&upstream(api).await, |_| {}).await;
    let request = |key: &str| {
        let request = gateway.post("/v1/x");
        let request = request.header("authorization", format!("Bearer {key}"));
        request.body(r#"{"model":"small"}"#).unwrap()
    };
    let refused = gateway.fetch(request("spent"));
    let others = async {
        while gateway.status(0).await["pause_ms"].is_null() {}
        let answer = gateway.fetch(request("other")).await;
        assert_eq!(answer.body(), "done");
    };
    tokio::select! {
        _ = refused => panic!("answered during its pause"),
        () = others => {}
    }
}
