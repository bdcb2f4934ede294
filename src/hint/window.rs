//! Where a window's length hides: in a header's name, or in the parameters of its value.

use std::time::Duration;

use super::number;

/// How many members of a list of limits are looked at.
const MAX_MEMBERS: usize = 16;

/// Takes the window off a dimension's name: `tokens-minute`, `req-10-second` (Mistral), `minute`
/// (Kong), `requests-day` (Cerebras).
pub(super) fn of_name(name: &str) -> (&str, Option<Duration>) {
    let (stem, last) = name.rsplit_once('-').unwrap_or(("", name));
    let Some(unit) = unit(last) else {
        return (name, None);
    };
    let (before, number) = stem.rsplit_once('-').unwrap_or(("", stem));
    match number::count(number.as_bytes()).filter(|&number| number > 0) {
        Some(number) => (
            before,
            Some(Duration::from_secs(number.saturating_mul(unit))),
        ),
        None => (stem, Some(Duration::from_secs(unit))),
    }
}

/// Reads the value of a limit: a number, or the list of drafts 00 to 03 of the IETF,
/// `100, 100;w=60, 1000;w=3600`, of which the first member is the limit that applies now and the
/// others are policies that tell its window.
pub(super) fn of_limit(value: &[u8]) -> (Option<u64>, Option<Duration>) {
    let mut members = value
        .split(|&byte| byte == b',')
        .take(MAX_MEMBERS)
        .map(member);
    let Some((limit, mut window)) = members.next().flatten() else {
        return (None, None);
    };
    for (policy, length) in members.flatten() {
        if policy == limit {
            window = window.or(length);
        }
    }
    (Some(limit), window)
}

/// Reads a member of such a list: a count and its window. Docker Hub sends `0;w=21600` for what is left,
/// too (docker/docs#11648).
pub(super) fn member(text: &[u8]) -> Option<(u64, Option<Duration>)> {
    let mut parts = text.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let limit = number::count(parts.next()?)?;
    let window = parts.find_map(|part| number::count(part.strip_prefix(b"w=")?));
    Some((
        limit,
        window
            .filter(|&seconds| seconds > 0)
            .map(Duration::from_secs),
    ))
}

fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "second" | "seconds" => 1,
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        "week" | "weeks" => 7 * 86_400,
        "month" | "months" => 30 * 86_400,
        _ => return None,
    })
}
