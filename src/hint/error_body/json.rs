//! The shapes of JSON errors.
//!
//! OpenAI and those compatible: `{"error":{"message","type","code"}}`. Anthropic:
//! `{"type":"error","error":{"type","message","details":{"error_code"}}}`. Google:
//! `{"error":{"status","message","errors":[{"reason"}],"details":[{"@type","retryDelay"}]}}`, in a
//! list if the call streams. AWS: `{"__type","message"}`. GraphQL: `{"errors":[{"extensions":
//! {"code"}}]}`. Telegram: `{"description","parameters":{"retry_after"}}`. So an error is an object,
//! and what it says stands under known keys, in it or in known members of it.

use serde_json::{Map, Value};

use super::keys::{self, Key};
use super::prose;
use super::reader::Reader;

/// Keys whose strings are meant for people.
const TEXTS: [&str; 14] = [
    "message",
    "msg",
    "detail",
    "details",
    "description",
    "error",
    "error_description",
    "error_message",
    "errors",
    "faultstring",
    "reason",
    "title",
    "raw",
    "retry_message",
];

/// How many errors of a list are looked at.
const MAX_ERRORS: usize = 16;
/// How many headers of an answer behind this one are looked at.
const MAX_HEADERS: usize = 64;

/// Numbers that are codes, and a key that tells whose. Facebook: 4, 17, 32 and 613 are its platform's
/// limits, 80000 to 80014 those of its business use cases
/// (developers.facebook.com/docs/graph-api/overview/rate-limiting).
const NUMBERS: [(&str, &[std::ops::RangeInclusive<u64>]); 1] = [(
    "fbtrace_id",
    &[4..=4, 17..=17, 32..=32, 613..=613, 80_000..=80_014],
)];

/// Takes what a JSON body says.
pub(super) fn read(body: &Value, reader: &mut Reader<'_>) {
    read_errors(body, reader);
    read_texts(body, false, reader);
}

/// Takes the codes and times of an error, or of a list of them. The depth is bounded by the parser.
fn read_errors(value: &Value, reader: &mut Reader<'_>) {
    match value {
        Value::Array(errors) => {
            for error in errors.iter().take(MAX_ERRORS) {
                read_errors(error, reader);
            }
        }
        Value::Object(error) => {
            for (key, value) in error {
                if let Some(key) = keys::find(key) {
                    read_member(error, key, value, reader);
                }
            }
            read_google(error, reader);
            reader.found.refusal |= has_numbered_code(error);
        }
        _ => {}
    }
}

fn read_member(error: &Map<String, Value>, key: Key, value: &Value, reader: &mut Reader<'_>) {
    let Some(text) = scalar(value) else {
        match (key, value) {
            (Key::Code | Key::Inner, inner) => read_errors(inner, reader),
            (Key::Headers, Value::Object(headers)) => {
                let lines = headers.iter().take(MAX_HEADERS);
                let lines = lines.filter_map(|(name, value)| Some((name.as_str(), scalar(value)?)));
                reader.take_headers(lines);
            }
            _ => {}
        }
        return;
    };
    match key {
        Key::Wait(unit) => reader.take_wait(&text, unit),
        Key::Reset(unit) => reader.take_reset(&text, unit),
        Key::Code => reader.take_code(&text, &error.values().filter_map(Value::as_str)),
        Key::Inner | Key::Headers => {}
    }
}

/// What only Google's errors have.
fn read_google(error: &Map<String, Value>, reader: &mut Reader<'_>) {
    let text = |key| error.get(key).and_then(Value::as_str);
    let found = &mut reader.found;
    let exhausted = text("status") == Some("RESOURCE_EXHAUSTED");
    // Gemini's free tier of a model that has none. Its RetryInfo names a wait nonetheless.
    found.permanent |= exhausted && text("message").is_some_and(prose::has_limit_zero);
    if text("@type").is_some_and(|name| name.ends_with("google.rpc.RetryInfo")) {
        let delay = text("retryDelay").and_then(prose::protobuf_duration);
        found.wait = found.wait.max(delay);
    }
}

fn has_numbered_code(error: &Map<String, Value>) -> bool {
    let code = error.get("code").and_then(Value::as_u64);
    code.is_some_and(|code| {
        let mut known = NUMBERS
            .iter()
            .filter(|(whose, _)| error.contains_key(*whose));
        known.any(|(_, codes)| codes.iter().any(|range| range.contains(&code)))
    })
}

/// A string or a number, as it would be written in a header.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Takes the texts meant for people, wherever they are. The depth is bounded by the parser.
fn read_texts(value: &Value, wanted: bool, reader: &mut Reader<'_>) {
    match value {
        Value::String(text) if wanted => reader.take_text(text),
        Value::Array(values) => {
            for value in values.iter().take(MAX_ERRORS) {
                read_texts(value, wanted, reader);
            }
        }
        Value::Object(object) => {
            for (key, value) in object {
                let wanted = TEXTS.iter().any(|known| known.eq_ignore_ascii_case(key));
                read_texts(value, wanted, reader);
            }
        }
        _ => {}
    }
}
