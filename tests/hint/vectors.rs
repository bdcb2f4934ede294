//! Recorded, documented and hostile responses, each with the reading that is right.
//!
//! `tests/hint/data/header-vectors.json` holds them: a response, the local time of its receipt, and
//! what is expected. `wait_ms: null` says that there is no usable hint.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use tower_throttle::hint::{DEFAULT_MAX_SERVER_WAIT, Hint, Verdict};

/// What cannot be counted in 63 bits is not compared.
fn millis(wait: Option<Duration>) -> Option<u64> {
    let millis = i64::try_from(wait?.as_millis()).ok()?;
    Some(millis.unsigned_abs())
}

fn headers(case: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let raw = case["headers_bytes"].as_object();
    for (name, values) in case["headers"].as_object().expect("headers") {
        let field = HeaderName::from_bytes(name.as_bytes()).expect("header name");
        if let Some(bytes) = raw.and_then(|raw| raw.get(name)) {
            let bytes: Vec<u8> = serde_json::from_value(bytes.clone()).expect("bytes");
            headers.append(
                field,
                HeaderValue::from_bytes(&bytes).expect("header bytes"),
            );
            continue;
        }
        let one = std::slice::from_ref(values);
        for value in values.as_array().map_or(one, Vec::as_slice) {
            let value = value.as_str().expect("header value");
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("header value");
            headers.append(&field, value);
        }
    }
    headers
}

/// Reads `2026-11-23T12:00:00Z` by way of the crate itself: as the reset of a quota.
fn time(text: &str) -> SystemTime {
    let mut headers = HeaderMap::new();
    headers.insert("x-ratelimit-reset", text.parse().expect("time"));
    let hint = Hint::parse(StatusCode::OK, &headers, None, UNIX_EPOCH);
    UNIX_EPOCH + hint.binding().and_then(|quota| quota.reset).expect("time")
}

/// The differences between what is expected of a case and how it is read.
fn differences(case: &Value) -> String {
    let status = case["status"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok());
    let status = StatusCode::from_u16(status.expect("status")).expect("status");
    let body = case["body"].as_str().map(str::as_bytes);
    let now = time(case["now"].as_str().expect("now"));
    let hint = Hint::parse(status, &headers(case), body, now);
    let verdict = hint.verdict(DEFAULT_MAX_SERVER_WAIT);
    let binding = hint.binding();
    let expected = &case["expect"];

    let mut differences = String::new();
    let mut compare = |what: &str, expected: &Value, found: Value| {
        if *expected != found {
            let _ = write!(differences, " {what}: expected {expected}, found {found};");
        }
    };
    compare(
        "retry",
        &expected["retry"],
        (verdict == Verdict::Retry).into(),
    );
    let over_cap = expected["over_cap"].as_bool().unwrap_or(false);
    compare(
        "over_cap",
        &over_cap.into(),
        (verdict == Verdict::OverCap).into(),
    );
    compare("wait_ms", &expected["wait_ms"], millis(hint.wait()).into());
    compare(
        "remaining",
        &expected["remaining"],
        binding.and_then(|q| q.remaining).into(),
    );
    compare(
        "limit",
        &expected["limit"],
        binding.and_then(|q| q.limit).into(),
    );
    compare(
        "reset_ms",
        &expected["reset_ms"],
        millis(binding.and_then(|q| q.reset)).into(),
    );
    if let Some(dimension) = expected["dimension"].as_str() {
        let found = binding.map(|quota| quota.dimension.to_string());
        compare("dimension", &dimension.into(), found.into());
    }
    differences
}

#[test]
fn every_response_is_read_as_expected() {
    let data = include_str!("data/header-vectors.json");
    let cases: Vec<Value> = serde_json::from_str(data).expect("test data");
    assert!(cases.len() >= 116, "cases are missing: {}", cases.len());
    let mut failures = String::new();
    for case in &cases {
        let name = case["name"].as_str().expect("name");
        if cfg!(not(feature = "json")) && case["body"].is_string() {
            println!("{name}: skipped, its body is read with feature json");
            continue;
        }
        let differences = differences(case);
        if !differences.is_empty() {
            let _ = writeln!(failures, "{name}:{differences}");
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}
