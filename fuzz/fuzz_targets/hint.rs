//! Reads responses of the kinds that servers send, made from the fuzzer's bytes:
//! `cargo +nightly fuzz run hint`.
//!
//! Now and then it says what share of the runs had what.
#![no_main]

mod body;
mod choices;
mod headers;
mod response;
mod shares;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use tower_throttle::hint::{DEFAULT_MAX_SERVER_WAIT, Dialect, Hint, Verdict};

use choices::Choices;
use response::{Response, SECRET, response};

/// 2026-11-23T12:00:00Z, the time that most of the dates are near.
fn received() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_435_200)
}

fn read(response: &Response, body: Option<&[u8]>) -> Hint {
    Hint::parse(response.status, &response.headers, body, received())
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    let response = response(&mut choices);
    let body = response.body.as_deref();
    let hint = read(&response, body);
    check(&hint, &response);
    let dialect = Dialect::new();
    assert_eq!(
        hint,
        dialect.parse(response.status, &response.headers, body, received())
    );

    // A body takes back what a quota says at most, and the rest of a body its beginning's never.
    let head = read(&response, None);
    let quotas = hint.quotas().iter().any(|quota| quota.is_exhausted());
    assert!(!head.is_refusal() || hint.is_refusal() || quotas);
    let cut = body.map(|body| &body[..choices.below(body.len() + 1)]);
    let start = read(&response, cut);
    check(&start, &response);
    assert!(!start.is_refusal() || hint.is_refusal() || !response.whole || quotas);
    shares::count(&response, &head, &hint);
});

/// What holds for each hint.
fn check(hint: &Hint, response: &Response) {
    for cap in [DEFAULT_MAX_SERVER_WAIT, Duration::ZERO, Duration::MAX] {
        match hint.verdict(cap) {
            Verdict::Retry => assert!(hint.wait().is_none_or(|wait| wait <= cap)),
            Verdict::OverCap => assert!(hint.wait().is_some_and(|wait| wait > cap)),
            _ => assert_eq!(hint.wait(), None),
        }
    }
    // Can be slept, and added to a clock.
    let longest = Duration::from_millis(u64::MAX);
    assert!(hint.wait().is_none_or(|wait| wait <= longest));
    if response.status.as_u16() < 400 {
        assert!(!hint.is_refusal() && hint.wait().is_none());
    }
    if hint.names_request() {
        assert_eq!(hint.verdict(Duration::MAX), Verdict::Permanent);
    }
    assert!(!format!("{hint:?}").contains(SECRET), "{hint:?}");
    check_quotas(hint);
}

fn check_quotas(hint: &Hint) {
    assert!(hint.quotas().len() <= 16);
    assert_eq!(hint.binding().is_some(), !hint.quotas().is_empty());
    for quota in hint.quotas() {
        let within = quota.remaining.zip(quota.limit);
        assert!(within.is_none_or(|(remaining, limit)| remaining <= limit));
        let left = quota.fraction_left();
        assert!(left.is_none_or(|left| (0.0..=1.0).contains(&left)));
        let rate = quota.refill_rate();
        assert!(rate.is_none_or(|rate| rate.is_finite() && rate > 0.0));
        assert!(quota.dimension.to_string().len() <= 32);
    }
}
