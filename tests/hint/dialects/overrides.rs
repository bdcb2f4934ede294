//! What a provider means by its own statuses and codes.

use http::{HeaderMap, StatusCode};
use tower_throttle::hint::{DEFAULT_MAX_SERVER_WAIT, Dialect, Hint, Verdict};

use super::{now, verdict};

fn read(dialect: &Dialect, status: u16, body: &str) -> Hint {
    let status = StatusCode::from_u16(status).unwrap();
    dialect.parse(status, &HeaderMap::new(), Some(body.as_bytes()), now())
}

#[test]
fn codes_mean_what_they_are_said_to() {
    let dialect = Dialect::new()
        .temporary("insufficient_quota")
        .permanent("1305")
        .temporary("my_busy");
    let found = |status, body| verdict(&read(&dialect, status, body));
    assert_eq!(
        found(429, r#"{"error":{"code":"insufficient_quota"}}"#),
        Verdict::Retry
    );
    assert_eq!(
        found(429, r#"{"error":{"code":"1305"}}"#),
        Verdict::Permanent
    );
    assert_eq!(found(429, r#"{"error":{"code":1305}}"#), Verdict::Permanent);
    assert_eq!(
        found(429, r#"{"error":{"code":"billing_not_active"}}"#),
        Verdict::Permanent
    );
    assert_eq!(found(403, r#"{"error":"my_busy"}"#), Verdict::Retry);
    assert_eq!(
        found(403, "<Error><Code>my_busy</Code></Error>"),
        Verdict::Retry
    );
    assert_eq!(found(403, r#"{"error":"MY_BUSY"}"#), Verdict::Accepted);
    assert_eq!(found(403, r#"{"error":"1305"}"#), Verdict::Accepted);
    assert_eq!(found(422, r#"{"error":"my_busy"}"#), Verdict::Accepted);
}

#[test]
fn statuses_mean_what_they_are_said_to() {
    let dialect = Dialect::new()
        .refusal(StatusCode::BAD_GATEWAY)
        .refusal(StatusCode::OK)
        .no_refusal(StatusCode::TOO_MANY_REQUESTS)
        .refusal_by_body(StatusCode::UNPROCESSABLE_ENTITY);
    let throttled = r#"{"code":"Throttling"}"#;
    assert!(read(&dialect, 502, "").is_refusal());
    assert!(!read(&dialect, 200, throttled).is_refusal());
    assert!(!read(&dialect, 429, throttled).is_refusal());
    assert!(read(&dialect, 422, throttled).is_refusal());
    assert!(!read(&dialect, 422, "").is_refusal());
    assert!(read(&dialect, 503, "").is_refusal());
    // The last word counts.
    let again = dialect.clone().no_refusal(StatusCode::BAD_GATEWAY);
    assert!(!read(&again, 502, "").is_refusal());
    assert!(read(&dialect, 502, "").is_refusal());
}

#[test]
fn the_default_is_that_of_hint() {
    let headers = HeaderMap::new();
    for status in 400..600 {
        let status = StatusCode::from_u16(status).unwrap();
        let body = Some(&b"{\"error\":{\"code\":\"Throttling\",\"retry_after\":3}}"[..]);
        let hint = Dialect::default().parse(status, &headers, body, now());
        assert_eq!(hint, Hint::parse(status, &headers, body, now()));
        assert_ne!(hint.verdict(DEFAULT_MAX_SERVER_WAIT), Verdict::OverCap);
    }
    let shown = format!("{:?}", Dialect::new().permanent("mine"));
    assert!(shown.contains("mine"), "{shown}");
}
