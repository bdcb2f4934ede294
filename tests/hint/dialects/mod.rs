//! The dialects in which servers speak of their limits, one by one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tower_throttle::hint::{DEFAULT_MAX_SERVER_WAIT, Hint, Verdict};

#[cfg(feature = "json")]
mod bodies;
mod families;
#[cfg(feature = "json")]
mod overrides;
mod policy;
#[cfg(feature = "json")]
mod refusals;
mod waits;

/// 2026-11-23T12:00:00Z.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_435_200)
}

/// Reads a response with these header lines.
fn read(status: u16, lines: &[(&'static str, &str)], body: Option<&str>) -> Hint {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_str(value).unwrap();
        headers.append(HeaderName::from_static(name), value);
    }
    let status = StatusCode::from_u16(status).unwrap();
    Hint::parse(status, &headers, body.map(str::as_bytes), now())
}

/// The verdict under the default cap.
fn verdict(hint: &Hint) -> Verdict {
    hint.verdict(DEFAULT_MAX_SERVER_WAIT)
}

/// The wait in milliseconds.
fn wait(hint: &Hint) -> Option<u128> {
    hint.wait().map(|wait| wait.as_millis())
}
