//! Absolute times: the three forms of an HTTP-date, and RFC 3339.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::number::{self, DAY, Decimal, HOUR, SECOND};

/// Longer values of a date header are not looked at.
const MAX_DATE_LENGTH: usize = 64;

/// Nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timestamp(i128);

impl Timestamp {
    /// The time at this number of nanoseconds after the epoch.
    pub(super) fn after_epoch(nanos: u128) -> Self {
        Self(i128::try_from(nanos).unwrap_or(i128::MAX))
    }

    /// The time from `earlier` until this, rounded up to the millisecond; zero if it has passed.
    pub(super) fn since(self, earlier: Self) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        number::ceil_to_millis(u128::try_from(nanos).unwrap_or(0))
    }

    /// How far two times lie apart, in nanoseconds.
    pub(super) fn distance(self, other: Self) -> u128 {
        self.0.abs_diff(other.0)
    }

    /// The nanoseconds until it is `hour` o'clock in UTC.
    pub(super) fn until_hour(self, hour: u64) -> u128 {
        let wait = i128::from(hour * HOUR) - self.0;
        wait.rem_euclid(i128::from(DAY)).unsigned_abs()
    }

    fn from_seconds(seconds: i64) -> Self {
        Self(i128::from(seconds) * i128::from(SECOND))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self::after_epoch(after.as_nanos()),
            Err(before) => Self(-Self::after_epoch(before.duration().as_nanos()).0),
        }
    }
}

/// Reads an HTTP-date (RFC 9110 §5.6.7), of which recipients must accept all three forms:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
///
/// Lenient where nothing can be misread: the weekday may be wrong, for it is redundant, and the
/// case of letters does not matter. A leap second is the second after it. Other zones than GMT are
/// no HTTP-date. `now` is asked for two-digit years alone.
pub(super) fn http_date(text: &[u8], now: impl Fn() -> Timestamp) -> Option<Timestamp> {
    if text.len() > MAX_DATE_LENGTH {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split_ascii_whitespace();
    let mut parts = [""; 6];
    let mut count = 0;
    for (part, word) in parts.iter_mut().zip(words.by_ref()) {
        *part = word;
        count += 1;
    }
    if words.next().is_some() {
        return None;
    }
    let (weekday, day, month, year, time) = match (count, parts) {
        (6, [weekday, day, month, year, time, zone]) if is_gmt(zone) => {
            (weekday.strip_suffix(',')?, day, month, year, time)
        }
        (4, [weekday, date, time, zone, ..]) if is_gmt(zone) => {
            let (day, date) = date.split_once('-')?;
            let (month, year) = date.split_once('-')?;
            (weekday.strip_suffix(',')?, day, month, year, time)
        }
        (5, [weekday, month, day, time, year, _]) => (weekday, day, month, year, time),
        _ => return None,
    };
    is_weekday(weekday).then_some(())?;
    let (month, day) = (read_month(month)?, digits(day, 1..=2)?);
    let seconds = read_time(time)?;
    let at = |year| {
        Some(Timestamp::from_seconds(
            days(year, month, day)? * 86_400 + seconds,
        ))
    };
    match year.len() {
        4 => at(digits(year, 4..=4)?),
        2 => nearest_century(digits(year, 2..=2)?, now(), at),
        _ => None,
    }
}

/// RFC 9110 §5.6.7: a two-digit year that seems more than 50 years ahead is the most recent past
/// year with these digits.
fn nearest_century(
    year: i64,
    now: Timestamp,
    at: impl Fn(i64) -> Option<Timestamp>,
) -> Option<Timestamp> {
    let seconds = i64::try_from(now.0 / i128::from(SECOND)).ok()?;
    let this_year = year_of(seconds.div_euclid(86_400));
    let century = this_year - this_year.rem_euclid(100);
    let years = [century + 100, century, century - 100].map(|start| start + year);
    // A 29 February may not exist 50 years earlier, or in another century.
    let too_far = |year: i64| at(year - 50).map_or(year - 50 >= this_year, |then| then > now);
    years
        .into_iter()
        .find_map(|year| at(year).filter(|_| !too_far(year)))
}

/// Reads an RFC 3339 date-time, as Anthropic sends it: `2026-11-23T12:10:05.250Z`. Seconds and
/// colons may be left out where ISO 8601 allows it.
pub(super) fn rfc3339(text: &[u8]) -> Option<Timestamp> {
    if text.len() > MAX_DATE_LENGTH {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-');
    let year = digits(date.next()?, 4..=4)?;
    let month = digits(date.next()?, 2..=2)?;
    let day = digits(date.next()?, 2..=2)?;

    let utc = time.strip_suffix(['Z', 'z']).or(time.strip_suffix(" UTC"));
    let (time, offset) = match utc {
        Some(time) => (time, 0),
        None => {
            let (time, offset) = time.split_at(time.rfind(['+', '-'])?);
            // Ruby writes `12:01:00 +0000`, and `12:01:00 UTC`.
            (time.trim_end_matches(' '), read_offset(offset)?)
        }
    };
    let (time, fraction) = match time.find('.') {
        // "0.250" is in the number grammar, so a fraction of any length is.
        Some(dot) => (
            &time[..dot],
            Decimal::parse(format!("0{}", &time[dot..]).as_bytes())?,
        ),
        None => (time, Decimal::parse(b"0")?),
    };
    let time = match time.len() {
        // Without seconds, as ISO 8601 allows (Atlassian, JRACLOUD-69262).
        5 => read_time(&format!("{time}:00"))?,
        _ => read_time(time)?,
    };
    let seconds = days(year, month, day)? * 86_400 + time - offset;
    let nanos = i128::try_from(fraction.nanos(SECOND)).ok()?;
    Some(Timestamp(Timestamp::from_seconds(seconds).0 + nanos))
}

/// Reads a zone's offset in seconds: `+01:00`, or the basic form of ISO 8601, `+0100` and `+01`.
fn read_offset(text: &str) -> Option<i64> {
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 2 => (rest, "00"),
        None => rest.split_at_checked(2)?,
    };
    let (hours, minutes) = (digits(hours, 2..=2)?, digits(minutes, 2..=2)?);
    (hours <= 23 && minutes <= 59).then_some(())?;
    let seconds = hours * 3_600 + minutes * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

fn is_gmt(zone: &str) -> bool {
    zone.eq_ignore_ascii_case("GMT")
}

fn is_weekday(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    NAMES
        .iter()
        .any(|full| name.eq_ignore_ascii_case(full) || name.eq_ignore_ascii_case(&full[..3]))
}

fn read_month(name: &str) -> Option<i64> {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    (1..)
        .zip(NAMES)
        .find_map(|(number, month)| name.eq_ignore_ascii_case(month).then_some(number))
}

/// Reads `hh:mm:ss`; the grammar allows second 60, a leap second.
fn read_time(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let mut part = || digits(parts.next()?, 2..=2);
    let (hour, minute, second) = (part()?, part()?, part()?);
    (hour <= 23 && minute <= 59 && second <= 60).then_some(hour * 3_600 + minute * 60 + second)
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let valid = length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| text.parse().ok()).flatten()
}

/// Days from the Unix epoch to a date of the Gregorian calendar, if there is such a date.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=length).contains(&day).then_some(())?;
    // Years that start in March end with the leap day, so that months have a regular length.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
            - 719_468,
    )
}

/// The year in which a day since the Unix epoch falls.
fn year_of(day: i64) -> i64 {
    // The inverse of `days`, in cycles of 400 years that start in March.
    let day = day + 719_468;
    let (cycle, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    cycle * 400 + year + i64::from(day_of_year >= 306)
}
