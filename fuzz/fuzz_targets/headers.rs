//! Header lines of all dialects, with values that servers have sent, and such as are nearly those.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::choices::Choices;

const ORDERS: [&str; 15] = [
    "retry-after",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "x-retry-in",
    "x-ratelimit-retry-after",
    "x-rate-limit-retry-after-seconds",
    "x-retry-after",
    "x-amz-retry-after",
    "x-should-retry",
    "stripe-should-retry",
    "x-amzn-errortype",
    "x-mashery-error-code",
    "date",
    "age",
    "x-request-id",
];
const FAMILIES: [&str; 9] = [
    "x-ratelimit-",
    "x-rate-limit-",
    "ratelimit-",
    "anthropic-ratelimit-",
    "anthropic-ratelimit-unified-",
    "anthropic-priority-",
    "llm_provider-x-ratelimit-",
    "ratelimitbysize-",
    "x-app-rate-limit-",
];
const FIELDS: [(&str, &[&str]); 7] = [
    (
        "limit",
        &["100", "60", "0", "100, 100;w=60", "100;w=21600", "1"],
    ),
    ("remaining", &["0", "0;w=60", "59", "0", "100"]),
    ("reset", &VALUES),
    ("reset-after", &["64.57", "0", "1"]),
    ("renewalperiod", &["60", "10"]),
    ("used", &["60", "12"]),
    ("status", &["allowed", "allowed_warning", "rejected"]),
];
const DIMENSIONS: [&str; 10] = [
    "requests",
    "tokens",
    "input-tokens",
    "minute",
    "req-10-second",
    "tokens-month",
    "5h",
    "7d",
    "endpoint",
    "s3",
];
const WHOLE_NAMES: [&str; 6] = [
    "ratelimit",
    "ratelimit-policy",
    "x-shopify-shop-api-call-limit",
    "x-trial-endpoint-call-limit",
    "x-trial-endpoint-call-remaining",
    "x-endpoint-monthly-call-limit",
];
const VALUES: [&str; 40] = [
    "0",
    "1",
    "30",
    "60",
    "3600",
    "277403",
    "2.0",
    "64.57",
    "0.0001",
    "-1",
    "inf",
    "1795435260",
    "1795435260000",
    "1795435215000000000",
    "1795435264.570",
    "99999999999999999999999",
    "120ms",
    "6m0s",
    "24h0m0s",
    "1h2m3.5s",
    "43.496787ms",
    "Mon, 23 Nov 2026 12:00:30 GMT",
    "Monday, 23-Nov-76 12:00:00 GMT",
    "Tue Dec  1 00:00:10 2026",
    "2026-11-23T12:01Z",
    "2026-11-23T12:10:05.250Z",
    "2026-11-23T13:00:09+01:00",
    "100, 100;w=60, 1000;w=3600",
    "0;w=21600",
    "32/40",
    "true",
    "false",
    "allowed",
    "rejected",
    "ThrottlingException:http://internal/",
    "limit=100, remaining=0, reset=50",
    "\"api\";r=0;t=55",
    "\"s3cr3t\";r=0;t=10;pk=:s3cr3t:",
    "\"s3cr3t\";q=65535;qu=\"s3cr3t\";w=10;pk=:s3cr3t:",
    "\"burst\";q=100;w=60,\"default\";q=1000;w=3600",
];

/// A few lines: of one quota, or one alone.
pub fn append(headers: &mut HeaderMap, choices: &mut Choices<'_>) {
    let mut add = |name: &str, value: Vec<u8>| {
        let name = HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&value)) {
            headers.append(name, value);
        }
    };
    match choices.below(6) {
        0..=2 => add(choices.pick(&ORDERS), value(choices, &VALUES)),
        3 => add(choices.pick(&WHOLE_NAMES), value(choices, &VALUES)),
        _ => {
            let family = choices.pick(&FAMILIES);
            let dimension = choices.pick(&DIMENSIONS);
            let order = choices.below(3);
            for _ in 0..=choices.below(4) {
                let (field, values) = FIELDS[choices.below(FIELDS.len())];
                let name = match order {
                    0 => format!("{family}{field}"),
                    1 => format!("{family}{field}-{dimension}"),
                    _ => format!("{family}{dimension}-{field}"),
                };
                add(&name, value(choices, values));
            }
        }
    }
}

/// A value from the list as a rule, changed a little every other time.
fn value(choices: &mut Choices<'_>, of: &[&str]) -> Vec<u8> {
    if choices.once_in(16) {
        return choices.raw();
    }
    let mut value = choices.pick(of).as_bytes().to_vec();
    for _ in 0..choices.below(4).saturating_sub(1) {
        let at = choices.below(value.len() + 1);
        match choices.below(5) {
            0 => value.insert(at, choices.byte()),
            1 => value.truncate(at),
            2 => value.extend_from_slice(
                choices
                    .pick(&[", 5", ";w=60", "s", ".5", "000", " GMT"])
                    .as_bytes(),
            ),
            _ => {
                if let Some(byte) = value.get_mut(at) {
                    *byte = b'0' + choices.byte() % 10;
                }
            }
        }
    }
    value
}
