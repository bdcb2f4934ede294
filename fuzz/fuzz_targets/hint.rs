//! Reads arbitrary bytes as a response: `cargo +nightly fuzz run hint`.
//!
//! The first byte chooses the status; lines `name: value` follow, up to an empty one; the rest is
//! the body.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;
use tower_throttle::hint::{DEFAULT_MAX_SERVER_WAIT, Hint, Verdict};

const STATUSES: [u16; 12] = [429, 200, 403, 408, 409, 413, 425, 498, 500, 503, 529, 301];

fn parse(data: &[u8]) -> Option<Hint> {
    let (&first, mut rest) = data.split_first()?;
    let status = STATUSES[usize::from(first) % STATUSES.len()];
    let mut headers = HeaderMap::new();
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            break;
        };
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&line[colon + 1..])) {
            headers.append(name, value);
        }
    }
    let status = StatusCode::from_u16(status).ok()?;
    let received = UNIX_EPOCH + Duration::from_secs(1_795_435_200);
    Some(Hint::parse(status, &headers, Some(rest), received))
}

fuzz_target!(|data: &[u8]| {
    let Some(hint) = parse(data) else { return };
    match hint.verdict(DEFAULT_MAX_SERVER_WAIT) {
        Verdict::Retry => assert!(
            hint.wait()
                .is_none_or(|wait| wait <= DEFAULT_MAX_SERVER_WAIT)
        ),
        Verdict::OverCap => assert!(
            hint.wait()
                .is_some_and(|wait| wait > DEFAULT_MAX_SERVER_WAIT)
        ),
        _ => assert_eq!(hint.wait(), None),
    }
    assert!(hint.quotas().len() <= 16);
    assert_eq!(hint.binding().is_some(), !hint.quotas().is_empty());
    for quota in hint.quotas() {
        assert!(
            quota
                .fraction_left()
                .is_none_or(|left| (0.0..=1.0).contains(&left))
        );
        assert!(
            quota
                .refill_rate()
                .is_none_or(|rate| rate.is_finite() && rate > 0.0)
        );
        assert!(quota.dimension.to_string().len() <= 32);
    }
});
