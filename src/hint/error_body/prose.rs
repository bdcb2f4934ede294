//! What messages meant for people say about time and limits.

use std::time::Duration;

use crate::hint::number::{self, DAY, Decimal, HOUR, MILLISECOND, MINUTE, SECOND};

/// Phrases after which a duration is a wait, in lower case: OpenAI and Groq ("Please try again in
/// 976ms"), Azure ("Please retry after 37 seconds"), Gemini ("Please retry in 53.016342224s"),
/// Replicate ("Your rate limit resets in ~30s"), Django REST framework ("Expected available in 5
/// seconds").
const PHRASES: [&str; 9] = [
    "try again in",
    "try again after",
    "retry in",
    "retry after",
    "retry-after",
    "resets in",
    "reset in",
    "expected available in",
    "please wait",
];

/// Words between such a phrase and its duration.
const FILLERS: [&str; 6] = [
    "about",
    "approximately",
    "at least",
    "another",
    "for",
    "up to",
];

/// The longest wait that a text asks for.
pub(super) fn wait(text: &str) -> Option<Duration> {
    let text = text.as_bytes();
    let starts = (0..text.len()).filter(|&at| matches!(text[at] | 0x20, b't' | b'r' | b'e' | b'p'));
    let after_phrase = starts.filter_map(|at| {
        PHRASES
            .iter()
            .find_map(|phrase| strip_ignoring_case(&text[at..], phrase))
    });
    after_phrase
        .filter_map(|rest| duration(skip_fillers(rest)))
        .max()
}

/// Whether a text contains a phrase in lower case, whatever the case of the text.
pub(super) fn contains(text: &str, phrase: &str) -> bool {
    text.as_bytes()
        .windows(phrase.len())
        .any(|part| part.eq_ignore_ascii_case(phrase.as_bytes()))
}

/// Whether a request asks for more than the limit: "Limit 30000, Requested 35000" (OpenAI, Groq).
/// No wait makes room for it. The same message with `Requested` below the limit is an ordinary
/// refusal, so the numbers are compared.
pub(super) fn is_too_large(text: &str) -> bool {
    match (number_after(text, "Limit"), number_after(text, "Requested")) {
        (Some(limit), Some(requested)) => requested > limit,
        _ => false,
    }
}

/// Whether a text has "limit: 0": a quota that does not exist, not one that is used up.
pub(super) fn has_limit_zero(text: &str) -> bool {
    text.split("limit: ").skip(1).any(|rest| {
        let number = Decimal::take(rest.as_bytes());
        number.is_some_and(|(number, _)| number.nanos(SECOND) == 0)
    })
}

/// Reads the JSON form of a `google.protobuf.Duration`: seconds with an `s`.
pub(super) fn protobuf_duration(text: &str) -> Option<Duration> {
    Some(Decimal::parse(text.strip_suffix('s')?.as_bytes())?.duration(SECOND))
}

/// Reads a duration: `976ms`, `10h17m5.723541104s`, `37 seconds`, `1 minute and 30 seconds`. Every
/// number needs its unit.
fn duration(text: &[u8]) -> Option<Duration> {
    let mut rest = text;
    let mut nanos = None;
    let mut largest = u64::MAX;
    loop {
        let joined = rest.first().is_some_and(u8::is_ascii_digit);
        let at_number = if nanos.is_none() || joined {
            rest
        } else {
            skip_conjunction(rest)
        };
        let component = component(at_number).filter(|&(_, unit, _)| unit < largest);
        let Some((number, unit, after)) = component else {
            // "6m0" is cut or malformed; in "5 seconds, 3 times" the 3 is about something else.
            let malformed = nanos.is_some() && joined;
            return nanos.filter(|_| !malformed).map(number::ceil_to_millis);
        };
        nanos = Some(nanos.unwrap_or(0u128).saturating_add(number.nanos(unit)));
        largest = unit;
        rest = after;
    }
}

fn component(text: &[u8]) -> Option<(Decimal, u64, &[u8])> {
    let (number, rest) = Decimal::take(text)?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let length = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let (name, rest) = rest.split_at(length);
    Some((number, unit(name)?, rest))
}

fn unit(name: &[u8]) -> Option<u64> {
    const UNITS: [(&[&str], u64); 5] = [
        (
            &["ms", "msec", "msecs", "millisecond", "milliseconds"],
            MILLISECOND,
        ),
        (&["s", "sec", "secs", "second", "seconds"], SECOND),
        (&["m", "min", "mins", "minute", "minutes"], MINUTE),
        (&["h", "hr", "hrs", "hour", "hours"], HOUR),
        (&["d", "day", "days"], DAY),
    ];
    let named = |names: &[&str]| {
        names
            .iter()
            .any(|one| name.eq_ignore_ascii_case(one.as_bytes()))
    };
    UNITS
        .iter()
        .find_map(|&(names, unit)| named(names).then_some(unit))
}

fn skip_conjunction(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b",").unwrap_or(text).trim_ascii_start();
    text.strip_prefix(b"and ").unwrap_or(text)
}

fn skip_fillers(mut text: &[u8]) -> &[u8] {
    // Each filler at most once, so that the work is bounded.
    for _ in 0..=FILLERS.len() {
        let blank = |byte: &u8| matches!(byte, b' ' | b':' | b'~');
        text = &text[text.iter().take_while(|byte| blank(byte)).count()..];
        match FILLERS
            .iter()
            .find_map(|filler| strip_ignoring_case(text, filler))
        {
            Some(rest) => text = rest,
            None => break,
        }
    }
    text
}

/// The number after a word, thousands separated by commas or not.
fn number_after(text: &str, word: &str) -> Option<u64> {
    text.split(word).skip(1).find_map(|rest| {
        let rest = rest
            .strip_prefix(':')
            .unwrap_or(rest)
            .trim_start_matches(' ');
        let mut value: Option<u64> = None;
        for (place, group) in rest.split(',').enumerate() {
            let length = group.bytes().take_while(u8::is_ascii_digit).count();
            if length == 0 || (place > 0 && length != 3) {
                break;
            }
            let digits = group[..length].parse().unwrap_or(u64::MAX);
            value = Some(value.map_or(digits, |high| {
                high.saturating_mul(1_000).saturating_add(digits)
            }));
            if length != group.len() {
                break;
            }
        }
        value
    })
}

fn strip_ignoring_case<'a>(text: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix.as_bytes())
        .then_some(rest)
}
