//! What messages meant for people say about time and limits.

use std::time::Duration;

use crate::hint::number::{self, DAY, Decimal, HOUR, MILLISECOND, MINUTE, SECOND};

/// Phrases after which a duration is a wait, in lower case.
const PHRASES: [&str; 10] = [
    // OpenAI and Groq: "Please try again in 976ms".
    "try again in",
    "try again after",
    // Gemini: "Please retry in 53.016342224s".
    "retry in",
    // Azure: "Please retry after 37 seconds".
    "retry after",
    "retry-after",
    // Replicate: "Your rate limit resets in ~30s".
    "resets in",
    "reset in",
    // Django REST framework: "Expected available in 5 seconds"; Stack Exchange: "more requests
    // available in 75 seconds".
    "available in",
    "please wait",
    // Azure's API Management: "Quota will be replenished in 01:23:45".
    "replenished in",
];

/// Phrases after which a bare number is a wait in seconds.
const SECONDS: [&str; 2] = [
    // Telegram's Bot API (flathunter#88).
    "too many requests: retry after",
    // Telegram's MTProto (core.telegram.org/api/errors).
    "flood_wait_",
];

/// Texts of a refusal, in lower case, that tell it from other answers with its status.
const REFUSALS: [&str; 6] = [
    // GitHub, Google, Twitter: "User Rate Limit Exceeded".
    "rate limit exceeded",
    // GitHub, before it spoke of secondary limits.
    "abuse detection mechanism",
    // Azure's API Management.
    "out of call volume quota",
    // Mashery, in a page.
    "developer over qps",
    "developer over rate",
    // Bybit, of an address that asks too often (bybit-exchange.github.io/docs/v5/rate-limit).
    "access too frequent",
];

/// Texts of a refusal for good, in lower case: whole phrases of providers that send no code for it.
const PERMANENT: [&str; 3] = [
    // Moonshot (continue#11443).
    "suspended due to insufficient balance",
    // xAI.
    "used all available credits or reached its monthly spending limit",
    // Anthropic.
    "credit balance is too low",
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
    let initials = |at: &usize| matches!(text[*at] | 0x20, b'a' | b'f' | b'p' | b'r' | b't');
    let starts = (0..text.len()).filter(initials);
    starts.filter_map(|at| wait_at(&text[at..])).max()
}

/// The wait that a text asks for at its start.
fn wait_at(text: &[u8]) -> Option<Duration> {
    let after = |phrases: &[&str]| {
        phrases
            .iter()
            .find_map(|phrase| strip_ignoring_case(text, phrase))
    };
    if let Some(rest) = after(&SECONDS) {
        let number = bare_number(skip_fillers(rest));
        return number.map(|number| number.duration(SECOND));
    }
    duration(skip_fillers(after(&PHRASES)?))
}

/// A number that stands for itself, not for the start of something longer.
fn bare_number(text: &[u8]) -> Option<Decimal> {
    let (number, rest) = Decimal::take(text)?;
    let ends = rest
        .first()
        .is_none_or(|byte| matches!(byte, b' ' | b'.' | b',' | b'"' | b'\n' | b'<' | b')'));
    ends.then_some(number)
}

/// Whether a text tells of a refusal.
pub(super) fn is_refusal(text: &str) -> bool {
    REFUSALS.iter().any(|phrase| contains(text, phrase))
}

/// Whether a text tells of GitHub's secondary rate limit, as octokit finds it.
pub(super) fn is_secondary_limit(text: &str) -> bool {
    contains(text, "secondary rate")
}

/// Whether a text tells of a refusal for good.
pub(super) fn is_permanent(text: &str) -> bool {
    PERMANENT.iter().any(|phrase| contains(text, phrase))
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
/// number needs its unit, but for those of a clock: `01:23:45`.
pub(super) fn duration(text: &[u8]) -> Option<Duration> {
    clock(text).or_else(|| units(text))
}

/// Reads hours, minutes and seconds, `01:23:45`, with days before them or not, `1.01:23:45` (.NET).
fn clock(text: &[u8]) -> Option<Duration> {
    let length = text
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'))
        .count();
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let count = |text: &str| number::count(text.as_bytes());
    let seconds = Decimal::parse(seconds.trim_end_matches('.').as_bytes())?;
    let (days, hours, minutes) = (count(days)?, count(hours)?, count(minutes)?);
    let whole = [(days, DAY), (hours, HOUR), (minutes, MINUTE)];
    let whole = whole.map(|(number, unit)| u128::from(number) * u128::from(unit));
    let nanos = whole.iter().sum::<u128>() + seconds.nanos(SECOND);
    Some(number::ceil_to_millis(nanos))
}

fn units(text: &[u8]) -> Option<Duration> {
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

pub(super) fn unit(name: &[u8]) -> Option<u64> {
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

/// The number after a word.
pub(super) fn number_after(text: &str, word: &str) -> Option<u64> {
    text.split(word).skip(1).find_map(|rest| {
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        whole_number(rest.trim_start_matches(' ')).map(|(number, _)| number)
    })
}

/// The whole number that a text starts with, thousands separated by commas or not, and what follows it.
pub(super) fn whole_number(text: &str) -> Option<(u64, &str)> {
    let length = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, mut rest) = text.split_at(length(text));
    let mut value = number::count(digits.as_bytes())?;
    while let Some(group) = rest.strip_prefix(',').filter(|group| length(group) == 3) {
        let thousand = number::count(&group.as_bytes()[..3])?;
        value = value.saturating_mul(1_000).saturating_add(thousand);
        rest = &group[3..];
    }
    Some((value, rest))
}

pub(super) fn strip_ignoring_case<'a>(text: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix.as_bytes())
        .then_some(rest)
}
