//! Why posts failed.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Extensions;
use serde_json::{Map, Value};
use tower_throttle::Hint;
use tower_throttle::hint::Verdict;
use tower_throttle::message::Unsent;

use crate::output::Record;
use crate::posts::Id;
use crate::secrets::Secrets;

/// How many reasons are told apart; the rest are [`OTHERS`].
const MOST: usize = 50;
const OTHERS: &str = "other reasons";

/// The longest code, and the longest message, of an answer that is printed.
const LONGEST_CODE: usize = 60;
const LONGEST_MESSAGE: usize = 200;

/// What an answer says of all posts, not of its own alone.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Told {
    /// A layer answered, and not the API: nothing was sent this time.
    pub(crate) unsent: bool,
    pub(crate) refused: Option<Refused>,
}

/// A refusal that is not sent again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Refused {
    /// No wait will help.
    ForGood,
    /// The API asks for a longer wait than there is patience for.
    For(Duration),
}

impl Told {
    /// What the layers left with an answer. `patience` is the longest wait that they keep.
    pub(crate) fn of(extensions: &Extensions, patience: Duration) -> Self {
        let hint = Hint::of(extensions).filter(|hint| hint.is_refusal());
        let refused = hint.and_then(|hint| match hint.verdict(patience) {
            Verdict::Permanent if !hint.names_request() => Some(Refused::ForGood),
            Verdict::OverCap => hint.wait().map(Refused::For),
            _ => None,
        });
        Self {
            unsent: Unsent::of(extensions).is_some(),
            refused,
        }
    }
}

/// The reasons of the failures so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reasons {
    counts: BTreeMap<String, Failures>,
    secrets: Secrets,
}

/// The posts that failed for one reason.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failures {
    pub(crate) count: usize,
    /// The first of them, and what its answer says.
    pub(crate) first: Id,
    pub(crate) message: Option<String>,
}

impl Reasons {
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self {
            counts: BTreeMap::new(),
            secrets,
        }
    }

    /// The reason of a failure that is not counted.
    pub(crate) fn of(record: &Record) -> String {
        reason(record)
    }

    /// Counts a failure, and returns its reason.
    pub(crate) fn add(&mut self, record: &Record) -> String {
        let mut reason = self.secrets.hide(&reason(record));
        if self.counts.len() >= MOST && !self.counts.contains_key(&reason) {
            reason = OTHERS.to_owned();
        }
        let failures = self
            .counts
            .entry(reason.clone())
            .or_insert_with(|| Failures {
                count: 0,
                first: record.id.clone(),
                message: message(record)
                    .map(|text| shortened(&self.secrets.hide(text), LONGEST_MESSAGE)),
            });
        failures.count += 1;
        reason
    }

    /// The reasons, the most frequent first.
    pub(crate) fn sorted(&self) -> Vec<(&str, &Failures)> {
        let mut reasons: Vec<_> = self
            .counts
            .iter()
            .map(|(reason, of)| (reason.as_str(), of))
            .collect();
        reasons.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.count));
        reasons
    }

    /// The counts by reason.
    pub(crate) fn to_json(&self) -> Value {
        let count = |(reason, of): (&String, &Failures)| (reason.clone(), of.count.into());
        Value::Object(self.counts.iter().map(count).collect::<Map<_, _>>())
    }
}

/// Why a post failed: the status and the API's code for it, or the error.
fn reason(record: &Record) -> String {
    let Some(status) = record.status else {
        let error = record.body.as_str().unwrap_or_default();
        return format!("no answer: {}", shortened(error, 2 * LONGEST_CODE));
    };
    match code(&record.body) {
        Some(code) => format!("{status} {code}"),
        None => {
            let known = http::StatusCode::from_u16(status).ok();
            let words = known.and_then(|status| status.canonical_reason());
            format!("{status} {}", words.unwrap_or_default())
                .trim_end()
                .to_owned()
        }
    }
}

/// The code in an error's body: one word, such as `insufficient_quota`.
fn code(body: &Value) -> Option<&str> {
    let error = &body["error"];
    [
        &error["code"],
        &error["type"],
        error,
        &body["code"],
        &body["type"],
    ]
    .into_iter()
    .filter_map(Value::as_str)
    .find(|code| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        !code.is_empty() && code.len() <= LONGEST_CODE && code.chars().all(is_plain)
    })
}

/// What an error's body says to people.
fn message(record: &Record) -> Option<&str> {
    let body = &record.body;
    record.status?;
    [
        &body["error"]["message"],
        &body["message"],
        &body["detail"],
        &body["error"],
        body,
    ]
    .into_iter()
    .find_map(Value::as_str)
    .map(str::trim)
    .filter(|text| !text.is_empty())
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn record(status: impl Into<Option<u16>>, body: Value) -> Record {
        Record {
            id: Id::Number(1.into()),
            status: status.into(),
            attempts: 1,
            latency_ms: None,
            body,
            told: Told::default(),
        }
    }

    #[test]
    fn a_reason_is_the_status_and_the_code() {
        for (record, expected) in [
            (
                record(
                    429,
                    json!({"error": {"code": "insufficient_quota", "type": "x"}}),
                ),
                "429 insufficient_quota",
            ),
            (
                record(
                    401,
                    json!({"error": {"code": null, "type": "authentication_error"}}),
                ),
                "401 authentication_error",
            ),
            (
                record(413, json!({"error": "the request is too large"})),
                "413 Payload Too Large",
            ),
            (record(404, json!("<html>")), "404 Not Found"),
            (record(599, json!([])), "599"),
            (
                record(None, json!("connection refused")),
                "no answer: connection refused",
            ),
        ] {
            assert_eq!(reason(&record), expected);
        }
    }

    #[test]
    fn failures_are_counted_the_most_frequent_first_without_secrets() {
        let mut reasons = Reasons::new(Secrets::new(vec!["sk-secret".to_owned()]));
        reasons.add(&record(404, json!({})));
        let wrong =
            json!({"error": {"code": "invalid_api_key", "message": "wrong: sk-secret\u{1b}[2J"}});
        for _ in 0..2 {
            assert_eq!(
                reasons.add(&record(401, wrong.clone())),
                "401 invalid_api_key"
            );
        }
        let sorted = reasons.sorted();
        assert_eq!(sorted[0].0, "401 invalid_api_key");
        assert_eq!(sorted[0].1.message.as_deref(), Some("wrong: *** [2J"));
        assert_eq!(sorted[1].1.message, None);
        let expected = json!({"401 invalid_api_key": 2, "404 Not Found": 1});
        assert_eq!(reasons.to_json(), expected);
    }

    #[test]
    fn the_reasons_are_bounded() {
        let mut reasons = Reasons::default();
        for number in 0..1_000 {
            reasons.add(&record(
                None,
                json!(format!("error {number} {}", "x".repeat(1_000))),
            ));
        }
        assert_eq!(reasons.sorted().len(), MOST + 1);
        assert_eq!(reasons.sorted()[0].0, OTHERS);
    }
}
