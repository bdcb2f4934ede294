//! The headers that order a wait, or forbid another attempt.

use std::time::Duration;

use http::HeaderMap;

use super::codes::Meaning;
use super::dialect::Dialect;
use super::number::{self, Decimal, MILLISECOND, SECOND};
use super::reference::Reference;

/// How many header lines are looked at.
const MAX_LINES: usize = 256;
/// How many members of a line that should have one are looked at.
const MAX_MEMBERS: usize = 8;
/// Longer values are not looked at.
const MAX_LENGTH: usize = 512;

/// How a header writes the wait that it orders.
#[derive(Clone, Copy)]
enum Form {
    /// Milliseconds. A zero is passed over, as OpenAI's and Cohere's SDKs do.
    Millis,
    /// Milliseconds, of which a zero counts.
    ExactMillis,
    /// Seconds from receipt, or a date. Zero, or a date that has passed, allows another attempt now.
    SecondsOrDate,
    /// Go's `time.Duration`.
    Duration,
}

/// The headers that order a wait, the most exact first.
const ORDERS: [(&str, Form); 11] = [
    // OpenAI, Azure.
    ("retry-after-ms", Form::Millis),
    // Azure.
    ("x-ms-retry-after-ms", Form::Millis),
    // Traefik's rateLimit, beside a `Retry-After` in whole seconds.
    ("x-retry-in", Form::Duration),
    // RFC 9110 §10.2.3.
    ("retry-after", Form::SecondsOrDate),
    // MailerLite.
    ("x-ratelimit-retry-after", Form::SecondsOrDate),
    // bucket4j's Spring Boot starter.
    ("x-rate-limit-retry-after-milliseconds", Form::ExactMillis),
    ("x-rate-limit-retry-after-seconds", Form::SecondsOrDate),
    // Home-made, but common.
    ("x-retry-after-ms", Form::Millis),
    ("x-retry-after", Form::SecondsOrDate),
    ("retry-after-seconds", Form::SecondsOrDate),
    // AWS, in milliseconds (botocore's retries/standard.py).
    ("x-amz-retry-after", Form::ExactMillis),
];

/// Headers that carry a code.
const CODES: [&str; 3] = [
    // AWS's JSON protocols.
    "x-amzn-errortype",
    // Mashery (docs.mashery.com, "Error codes").
    "x-mashery-error-code",
    // Azure's storage services.
    "x-ms-error-code",
];

/// What the headers order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ordered {
    /// The wait that they ask for, from the most exact of them.
    pub(super) wait: Option<Duration>,
    /// Whether another attempt is wanted: `x-should-retry` (OpenAI, Anthropic),
    /// `stripe-should-retry`, or another header of that name. A `false` outweighs a `true`.
    pub(super) should_retry: Option<bool>,
    /// The meaning of an error's code.
    pub(super) code: Option<Meaning>,
}

/// Reads what the headers order, in one scan over them.
pub(super) fn read(headers: &HeaderMap, dialect: &Dialect, reference: &Reference<'_>) -> Ordered {
    let mut found = Ordered::default();
    let mut waits = [None; ORDERS.len()];
    for (name, value) in headers.iter().take(MAX_LINES) {
        let name = name.as_str();
        // On the path of each failure: most names are none of these at a glance.
        let may_order = matches!(name.as_bytes().first(), Some(b'r' | b'x'));
        if !may_order && !name.ends_with("-should-retry") {
            continue;
        }
        let value = value.as_bytes().trim_ascii();
        if let Some(rank) = ORDERS.iter().position(|&(known, _)| known == name) {
            let form = ORDERS[rank].1;
            waits[rank] = waits[rank].max(largest(value, |text| form.read(text, reference)));
        } else if name.ends_with("-should-retry") {
            let wanted = boolean(value);
            found.should_retry = match (found.should_retry, wanted) {
                (Some(before), Some(wanted)) => Some(before && wanted),
                (before, wanted) => before.or(wanted),
            };
        } else if CODES.contains(&name) {
            let code = std::str::from_utf8(value).ok();
            let meaning = code.and_then(|code| dialect.meaning(code, |_| false));
            found.code = found.code.or(meaning);
        }
    }
    found.wait = waits.into_iter().flatten().next();
    found
}

impl Form {
    fn read(self, text: &[u8], reference: &Reference<'_>) -> Option<Duration> {
        let number = |unit| Some(reference.delay(Decimal::parse(text)?, unit));
        match self {
            Self::Millis => number(MILLISECOND).filter(|wait| !wait.is_zero()),
            Self::ExactMillis => number(MILLISECOND),
            Self::SecondsOrDate => number(SECOND)
                .or_else(|| reference.http_date(text).map(|date| reference.until(date))),
            Self::Duration => number::go_duration(text),
        }
    }
}

fn boolean(value: &[u8]) -> Option<bool> {
    let (yes, no) = (
        value.eq_ignore_ascii_case(b"true"),
        value.eq_ignore_ascii_case(b"false"),
    );
    (yes || no).then_some(yes)
}

/// The largest valid value of a line that should have one. Proxies fold two lines into one with a
/// comma, or pass both on; the longest wait satisfies whoever asked for it.
fn largest(line: &[u8], read: impl Fn(&[u8]) -> Option<Duration>) -> Option<Duration> {
    (line.len() <= MAX_LENGTH).then_some(())?;
    read(line).or_else(|| largest_member(line, read))
}

fn largest_member(line: &[u8], read: impl Fn(&[u8]) -> Option<Duration>) -> Option<Duration> {
    let mut longest = None;
    let mut start = 0;
    for _ in 0..MAX_MEMBERS {
        let comma = |from: usize| Some(from + line.get(from..)?.iter().position(|&b| b == b',')?);
        let end = comma(start).unwrap_or(line.len());
        // A date has a comma of its own, after the weekday.
        let dates_end = comma(end + 1).unwrap_or(line.len());
        let one = read(line[start..end].trim_ascii()).map(|wait| (wait, end));
        let two = || read(line[start..dates_end].trim_ascii()).map(|wait| (wait, dates_end));
        let (wait, end) = one
            .or_else(two)
            .map_or((None, end), |(wait, end)| (Some(wait), end));
        longest = longest.max(wait);
        start = end + 1;
        if start > line.len() {
            break;
        }
    }
    longest
}
