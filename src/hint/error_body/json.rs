//! The shapes of JSON errors.
//!
//! OpenAI and those compatible: `{"error":{"message","type","code"}}`. Anthropic:
//! `{"type":"error","error":{"type","message","details":{"error_code"}}}`. Google:
//! `{"error":{"status","message","details":[{"@type","retryDelay"}]}}`, in a list if the call
//! streams. Others have a `message` or `detail` at the root, or `errors`. Discord has
//! `retry_after` there, in seconds.

use serde_json::{Map, Value};

use super::{ErrorBody, prose};
use crate::hint::number::{Decimal, SECOND};

/// Codes and types of refusals that no wait will change, compared exactly: Scaleway calls a
/// concurrency limit that clears in milliseconds "INSUFFICIENT QUOTA".
const PERMANENT: [&str; 7] = [
    // OpenAI, Azure and those compatible: the account has no credit.
    "insufficient_quota",
    // OpenAI: the account is not active (seen with status 429).
    "billing_not_active",
    // OpenAI since 2026 (help.openai.com/en/articles/5955604).
    "credit_balance_exhausted",
    "organization_usage_limit_exceeded",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    // Anthropic, in `details.error_code` (platform.claude.com/docs/en/api/rate-limits).
    "enforced_spend_limit_reached",
];

/// Keys whose strings are meant for people.
const TEXTS: [&str; 13] = [
    "message",
    "msg",
    "detail",
    "details",
    "description",
    "error",
    "error_description",
    "error_message",
    "errors",
    "reason",
    "title",
    "raw",
    "retry_message",
];

/// How many errors of a list are looked at.
const MAX_ERRORS: usize = 16;

/// Takes what a JSON body says.
pub(super) fn read(body: &Value, found: &mut ErrorBody) {
    for error in each(body).filter_map(Value::as_object) {
        read_error(error, found);
        for key in ["error", "errors"] {
            match error.get(key) {
                Some(Value::String(code)) => found.permanent |= is_permanent(code),
                Some(inner) => each(inner)
                    .filter_map(Value::as_object)
                    .for_each(|inner| read_error(inner, found)),
                None => {}
            }
        }
    }
    read_texts(body, false, found);
}

fn read_error(error: &Map<String, Value>, found: &mut ErrorBody) {
    let texts = |key| error.get(key).and_then(Value::as_str);
    let codes = ["code", "type", "error_code"];
    found.permanent |= codes.into_iter().filter_map(texts).any(is_permanent);
    let exhausted = texts("status") == Some("RESOURCE_EXHAUSTED");
    // Gemini's free tier of a model that has none. Its RetryInfo names a wait nonetheless.
    found.permanent |= exhausted && texts("message").is_some_and(prose::has_limit_zero);
    if let Some(Value::Number(seconds)) = error.get("retry_after") {
        let seconds = Decimal::parse(seconds.to_string().as_bytes());
        found.wait = found
            .wait
            .max(seconds.map(|seconds| seconds.duration(SECOND)));
    }
    for detail in error
        .get("details")
        .into_iter()
        .flat_map(each)
        .filter_map(Value::as_object)
    {
        let text = |key| detail.get(key).and_then(Value::as_str);
        found.permanent |= ["error_code", "code"]
            .into_iter()
            .filter_map(text)
            .any(is_permanent);
        if text("@type").is_some_and(|name| name.ends_with("google.rpc.RetryInfo")) {
            found.wait = found
                .wait
                .max(text("retryDelay").and_then(prose::protobuf_duration));
        }
    }
}

/// Takes the texts meant for people, wherever they are. The depth is bounded by the parser.
fn read_texts(value: &Value, wanted: bool, found: &mut ErrorBody) {
    match value {
        Value::String(text) if wanted => found.take_text(text),
        Value::Array(values) => {
            values
                .iter()
                .take(MAX_ERRORS)
                .for_each(|value| read_texts(value, wanted, found));
        }
        Value::Object(object) => {
            for (key, value) in object {
                read_texts(value, TEXTS.contains(&key.as_str()), found);
            }
        }
        _ => {}
    }
}

fn is_permanent(code: &str) -> bool {
    PERMANENT.contains(&code)
}

/// The members of a list, or the one value that there is.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let (list, one) = match value {
        Value::Array(list) => (list.as_slice(), None),
        one => (&[][..], Some(one)),
    };
    list.iter().take(MAX_ERRORS).chain(one)
}
