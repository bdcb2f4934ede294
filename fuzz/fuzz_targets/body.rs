//! Bodies of the shapes that errors have, and such as break off.

use serde_json::Value;

use super::choices::Choices;

const CODE_KEYS: [&str; 9] = [
    "code",
    "type",
    "__type",
    "status",
    "reason",
    "error_code",
    "errorCode",
    "error_name",
    "Code",
];
const TIME_KEYS: [&str; 8] = [
    "retry_after",
    "retryAfter",
    "retry_after_ms",
    "resets_in_seconds",
    "resets_at",
    "reset_at",
    "retryDelay",
    "retry_at",
];
const TEXT_KEYS: [&str; 6] = [
    "message",
    "description",
    "error_message",
    "detail",
    "@type",
    "title",
];
const INNER_KEYS: [&str; 14] = [
    "error",
    "errors",
    "details",
    "extensions",
    "metadata",
    "headers",
    "parameters",
    "data",
    "input",
    "response",
    "X-RateLimit-Remaining",
    "Retry-After",
    "fbtrace_id",
    "domain",
];
const CODES: [&str; 15] = [
    "insufficient_quota",
    "invalid_request_error",
    "rate_limit_exceeded",
    "RATELIMITED",
    "userRateLimitExceeded",
    "dailyLimitExceeded",
    "quotaExceeded",
    "com.amazonaws.x#ThrottlingException",
    "Throttling.User",
    "SlowDown",
    "RESOURCE_EXHAUSTED",
    "usage_limit_reached",
    "exceeded_current_quota_error",
    "request_too_large",
    "rate_limited_",
];
const TIMES: [&str; 8] = [
    "53s",
    "1795435260",
    "2026-11-23T12:01Z",
    "34",
    "12 seconds",
    "1m30s",
    "Mon, 23 Nov 2026 12:00:30 GMT",
    "1795435260000",
];
const TEXTS: [&str; 18] = [
    "usageLimits",
    "type.googleapis.com/google.rpc.RetryInfo",
    "Please try again in 976ms. Visit us",
    "Please retry in 53.016342224s.",
    "Too Many Requests: retry after 34",
    "FLOOD_WAIT_42",
    "Limit 30000, Used 20000, Requested 35000.",
    "Limit: 6,000, Requested: 5,000",
    "limit: 0, model: x",
    "You have exceeded a secondary rate limit.",
    "Out of call volume quota. Quota will be replenished in 01:02:03.",
    "Maximum 5 requests within 1 minutes",
    "Rate limit is 20 requests per minute",
    "error-code#token-limit",
    "more requests available in 75 seconds",
    "Your token s3cr3t is refused",
    "caf\u{e9} \u{1f980}",
    "",
];

/// A body, and whether it is complete JSON.
pub fn body(choices: &mut Choices<'_>) -> (Option<Vec<u8>>, bool) {
    match choices.below(16) {
        0..=1 => (None, false),
        2 => (Some(choices.raw()), false),
        3 => (Some(choices.pick(&TEXTS).as_bytes().to_vec()), false),
        4..=5 => (Some(xml(choices).into_bytes()), false),
        kind => {
            let mut body = json(choices, 0).to_string().into_bytes();
            let whole = kind > 8;
            if !whole {
                body.truncate(choices.below(body.len() + 1));
            }
            (Some(body), whole)
        }
    }
}

fn json(choices: &mut Choices<'_>, depth: usize) -> Value {
    let kind = if depth == 0 { 0 } else { choices.below(6) };
    match kind {
        0..=2 if depth < 6 => {
            let members = 1 + choices.below(5);
            Value::Object((0..members).map(|_| member(choices, depth)).collect())
        }
        3 if depth < 6 => (0..choices.below(4))
            .map(|_| json(choices, depth + 1))
            .collect(),
        4 => number(choices),
        _ => Value::from(choices.pick(&TEXTS)),
    }
}

/// A key with a value that fits it, as a rule.
fn member(choices: &mut Choices<'_>, depth: usize) -> (String, Value) {
    let kind = choices.below(5);
    let key = choices.pick(match kind {
        0 => &CODE_KEYS[..],
        1 => &TIME_KEYS,
        2 => &TEXT_KEYS,
        _ => &INNER_KEYS,
    });
    let value = match kind {
        0 if !choices.once_in(8) => Value::from(choices.pick(&CODES)),
        1 if choices.once_in(2) => number(choices),
        1 => Value::from(choices.pick(&TIMES)),
        2 if !choices.once_in(8) => Value::from(choices.pick(&TEXTS)),
        _ => json(choices, depth + 1),
    };
    (key.to_owned(), value)
}

fn number(choices: &mut Choices<'_>) -> Value {
    match choices.below(3) {
        0 => Value::from(choices.below(20_000)),
        1 => Value::from(f64::from(choices.byte()) / 8.0),
        _ => Value::from(1_795_435_000 + choices.below(100_000)),
    }
}

fn xml(choices: &mut Choices<'_>) -> String {
    let mut text = "<?xml version=\"1.0\"?>\n<Error>".to_owned();
    for _ in 0..choices.below(4) {
        let name = choices.pick(&[
            "Code",
            "aws:Code",
            "Message",
            "RetryAfterSeconds",
            "Error",
            "Reset",
        ]);
        text += &format!("<{name}>{}</{name}>", choices.pick(&CODES));
    }
    text + choices.pick(&["</Error>", "", "<Co", "<Code>Slow"])
}
