//! Quotas that messages meant for people tell of: "Maximum 5 requests within 1 minutes", "rate limit of
//! 20,000 input tokens per minute".

use std::time::Duration;

use super::prose;
use crate::hint::number;
use crate::hint::quota::{Dimension, Quota};

/// What is counted. A number of anything else is no quota.
const NOUNS: [(&str, Dimension); 9] = [
    ("requests", Dimension::Requests),
    ("request", Dimension::Requests),
    ("calls", Dimension::Requests),
    ("api requests", Dimension::Requests),
    ("api calls", Dimension::Requests),
    ("queries", Dimension::Requests),
    ("tokens", Dimension::Tokens),
    ("input tokens", Dimension::InputTokens),
    ("output tokens", Dimension::OutputTokens),
];

/// What stands between a count and its window.
const PER: [&str; 7] = ["/", "per", "within", "in", "every", "each", "a"];

/// The first quota that a text tells of. Others may be those of a dearer plan.
pub(super) fn quota(text: &str) -> Option<Quota> {
    let bytes = text.as_bytes();
    let starts = (0..bytes.len()).filter(|&at| {
        let inside =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b',' | b'_' | b'-');
        bytes[at].is_ascii_digit() && (at == 0 || !inside(&bytes[at - 1]))
    });
    starts.into_iter().find_map(|at| quota_at(&text[at..]))
}

fn quota_at(text: &str) -> Option<Quota> {
    let (limit, rest) = prose::whole_number(text)?;
    let rest = rest.trim_start_matches(' ').as_bytes();
    // Whole words: "requests" is no "request".
    let (dimension, rest) = NOUNS.iter().find_map(|(noun, dimension)| {
        let rest = prose::strip_ignoring_case(rest, noun)?;
        Some((dimension, rest)).filter(|_| !starts_with_letter(rest))
    })?;
    let rest = rest.trim_ascii_start();
    let rest = PER
        .iter()
        .find_map(|per| prose::strip_ignoring_case(rest, per))?;
    let window = window(rest)?;
    Some(Quota {
        dimension: dimension.clone(),
        limit: Some(limit),
        window: Some(window),
        ..Quota::default()
    })
}

/// `minute`, `1 minutes`, `10 seconds`.
fn window(text: &[u8]) -> Option<Duration> {
    let text = text.trim_ascii_start();
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (count, rest) = text.split_at(length);
    let count = if count.is_empty() {
        1
    } else {
        number::count(count)?
    };
    let rest = rest.trim_ascii_start();
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphabetic());
    let unit = prose::unit(&rest[..length.count()])?;
    let nanos = u128::from(count) * u128::from(unit);
    Some(number::ceil_to_millis(nanos)).filter(|window| !window.is_zero())
}

fn starts_with_letter(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_alphabetic)
}
