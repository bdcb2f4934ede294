//! The number grammar of limit headers: `1*DIGIT ["." 1*DIGIT]`, ASCII, nothing else.
//!
//! RFC 9110 §10.2.3 gives `delay-seconds = 1*DIGIT`; a fraction is what Shopify (`2.0`) and Discord
//! (`64.57`) send on top. A sign, an exponent, an underscore, a unit, `inf` or digits of another
//! script make a value malformed: languages that are more lenient have slept for -5 s or crashed.

use std::time::Duration;

/// Nanoseconds of the units of time.
pub(super) const NANOSECOND: u64 = 1;
pub(super) const MICROSECOND: u64 = 1_000;
pub(super) const MILLISECOND: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;

/// How many fraction digits are kept; a digit lost after them rounds up.
const FRACTION_DIGITS: u32 = 18;
const FRACTION_ONE: u64 = 10u64.pow(FRACTION_DIGITS);

/// A decimal number as a server wrote it: not negative, and finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    /// The whole part, saturating.
    pub(super) whole: u64,
    /// How many digits the whole part has without leading zeros.
    digits: usize,
    /// The fraction in units of 10^-18, rounded up.
    fraction: u64,
}

impl Decimal {
    /// Reads a text that is a number and nothing else.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        match Self::take(text)? {
            (number, []) => Some(number),
            _ => None,
        }
    }

    /// Reads the number that a text starts with, and gives what follows it.
    pub(super) fn take(text: &[u8]) -> Option<(Self, &[u8])> {
        let (whole, mut rest) = take_digits(text)?;
        let mut fraction = 0;
        if let Some((digits, after)) = rest.strip_prefix(b".").and_then(take_digits) {
            fraction = read_fraction(digits);
            rest = after;
        }
        let leading_zeros = whole.iter().take_while(|&&digit| digit == b'0').count();
        let number = Self {
            whole: read_whole(whole),
            digits: whole.len() - leading_zeros,
            fraction,
        };
        Some((number, rest))
    }

    /// The unit in which this number tells a time since the Unix epoch, if it is large enough to: seconds
    /// (GitHub, X; Discord adds a fraction), milliseconds (OpenRouter), nanoseconds (PUBG).
    pub(super) fn epoch_unit(self) -> Option<u64> {
        match self.digits {
            10..=11 => Some(SECOND),
            12..=14 => Some(MILLISECOND),
            15..=17 => Some(MICROSECOND),
            18..=20 => Some(NANOSECOND),
            _ => None,
        }
    }

    /// Whether it is too short to tell a time: under 31 years in seconds.
    pub(super) fn is_short(self) -> bool {
        self.digits < 10
    }

    /// This many of a unit of `unit` nanoseconds, in nanoseconds, rounded up.
    pub(super) fn nanos(self, unit: u64) -> u128 {
        let whole = u128::from(self.whole) * u128::from(unit);
        let part = u128::from(self.fraction) * u128::from(unit);
        whole + part.div_ceil(u128::from(FRACTION_ONE))
    }

    /// This many of a unit of `unit` nanoseconds, rounded up to the millisecond.
    pub(super) fn duration(self, unit: u64) -> Duration {
        ceil_to_millis(self.nanos(unit))
    }
}

/// Rounds up to the millisecond, so that a wait never ends too early; saturates at `u64::MAX` ms,
/// which can still be added to an `Instant`.
pub(super) fn ceil_to_millis(nanos: u128) -> Duration {
    let millis = nanos.div_ceil(u128::from(MILLISECOND));
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// Reads a whole number of units, a fraction cut off: `595.0` requests left are 595.
pub(super) fn count(text: &[u8]) -> Option<u64> {
    Decimal::parse(text).map(|number| number.whole)
}

/// Reads a Go `time.Duration` as OpenAI and Groq send it: `6m0s`, `20m52.666s`, `172.799999ms`.
///
/// Every number needs its unit, so `6m0` is malformed. Days are accepted beside Go's own units.
pub(super) fn go_duration(text: &[u8]) -> Option<Duration> {
    let mut rest = text;
    let mut nanos = 0u128;
    while !rest.is_empty() {
        let (number, after) = Decimal::take(rest)?;
        let (unit, after) = take_unit(after)?;
        nanos = nanos.saturating_add(number.nanos(unit));
        rest = after;
    }
    (!text.is_empty()).then(|| ceil_to_millis(nanos))
}

fn take_unit(text: &[u8]) -> Option<(u64, &[u8])> {
    // The longer names come first: `ms` also starts with `m`.
    const UNITS: [(&[u8], u64); 9] = [
        (b"ns", NANOSECOND),
        (b"us", MICROSECOND),
        ("\u{b5}s".as_bytes(), MICROSECOND),
        ("\u{3bc}s".as_bytes(), MICROSECOND),
        (b"ms", MILLISECOND),
        (b"s", SECOND),
        (b"m", MINUTE),
        (b"h", HOUR),
        (b"d", DAY),
    ];
    UNITS
        .iter()
        .find_map(|&(name, unit)| Some((unit, text.strip_prefix(name)?)))
}

fn take_digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (length > 0).then(|| text.split_at(length))
}

fn read_whole(digits: &[u8]) -> u64 {
    digits.iter().fold(0u64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    })
}

fn read_fraction(digits: &[u8]) -> u64 {
    let mut scale = FRACTION_ONE;
    let mut value = 0;
    let mut lost = false;
    for digit in digits {
        scale /= 10;
        value += scale * u64::from(digit - b'0');
        lost |= scale == 0 && *digit != b'0';
    }
    value + u64::from(lost)
}

#[cfg(test)]
mod tests;
