//! The headers that order a wait, or forbid another attempt.

use std::time::Duration;

use http::HeaderMap;

use super::date::Reference;
use super::number::{Decimal, MILLISECOND, SECOND};

/// How many lines and list members of a header that should come once are looked at.
const MAX_VALUES: usize = 8;
/// Longer values are not looked at.
const MAX_LENGTH: usize = 512;
/// How many header lines are searched for `*-should-retry`.
const MAX_LINES: usize = 256;

/// The wait that the headers ask for, the most exact source first.
///
/// 1. `retry-after-ms` (OpenAI, Azure) and `x-ms-retry-after-ms` (Azure), in milliseconds. A zero
///    is passed over, as OpenAI's and Cohere's SDKs do.
/// 2. `Retry-After` (RFC 9110 §10.2.3): seconds from receipt, or a date. Zero, or a date that has
///    passed, allows another attempt now.
/// 3. `x-ratelimit-retry-after` (MailerLite), read as `Retry-After`.
/// 4. `x-amz-retry-after` (AWS), in milliseconds.
pub(super) fn wait(headers: &HeaderMap, reference: &Reference<'_>) -> Option<Duration> {
    let millis = |name| {
        let number = |text: &[u8]| Some(Decimal::parse(text)?.duration(MILLISECOND));
        largest(headers, name, number)
    };
    let seconds_or_date = |name| {
        largest(headers, name, |text| match Decimal::parse(text) {
            Some(number) => Some(number.duration(SECOND)),
            None => Some(reference.until(reference.http_date(text)?)),
        })
    };
    let not_zero = |wait: &Duration| !wait.is_zero();
    millis("retry-after-ms")
        .filter(not_zero)
        .or_else(|| millis("x-ms-retry-after-ms").filter(not_zero))
        .or_else(|| seconds_or_date("retry-after"))
        .or_else(|| seconds_or_date("x-ratelimit-retry-after"))
        .or_else(|| millis("x-amz-retry-after"))
}

/// What the server says about another attempt: `x-should-retry` (OpenAI, Anthropic),
/// `stripe-should-retry`, or another header of that name. A `false` outweighs a `true`.
pub(super) fn should_retry(headers: &HeaderMap) -> Option<bool> {
    let lines = headers.iter().take(MAX_LINES);
    let said = lines.filter(|(name, _)| name.as_str().ends_with("-should-retry"));
    let read = said.filter_map(|(_, value)| {
        let value = value.as_bytes().trim_ascii();
        let (yes, no) = (
            value.eq_ignore_ascii_case(b"true"),
            value.eq_ignore_ascii_case(b"false"),
        );
        (yes || no).then_some(yes)
    });
    read.reduce(|all, one| all && one)
}

/// The largest valid value of a header that should come once. Proxies fold two lines into one with
/// a comma, or pass both on; the longest wait satisfies whoever asked for it.
fn largest(
    headers: &HeaderMap,
    name: &str,
    read: impl Fn(&[u8]) -> Option<Duration>,
) -> Option<Duration> {
    let lines = headers.get_all(name).iter().take(MAX_VALUES);
    let lines = lines.map(|value| value.as_bytes().trim_ascii());
    let lines = lines.filter(|line| line.len() <= MAX_LENGTH);
    lines
        .filter_map(|line| read(line).or_else(|| largest_member(line, &read)))
        .max()
}

fn largest_member(line: &[u8], read: impl Fn(&[u8]) -> Option<Duration>) -> Option<Duration> {
    let mut longest = None;
    let mut start = 0;
    for _ in 0..MAX_VALUES {
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
