//! The many ways in which servers write when a quota resets.

use std::time::Duration;

use super::date::{self, Timestamp};
use super::number::{self, Decimal, MILLISECOND, SECOND};
use super::quota::ResetKind;
use super::reference::Reference;

/// A reset as it was written, with what its form tells of its meaning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reset {
    pub(super) after: Duration,
    pub(super) kind: ResetKind,
    /// It was told as a duration until a bucket is full, so it is known that the bucket refills evenly:
    /// the resets of OpenAI, Groq and Azure fit `(limit - remaining) * window / limit`. Anthropic's,
    /// which are times, have been ends of windows as well.
    pub(super) refills: bool,
}

/// What the family of a reset header says about the value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    /// A bare number counts milliseconds (Azure, where `x-ratelimit-renewalperiod-*` is sent too).
    pub(super) milliseconds: bool,
    /// An absolute time is that of a full bucket (Anthropic), not of a window's end.
    pub(super) bucket: bool,
    /// A bare number of seconds is the time to a window's end (the IETF drafts, Discord).
    pub(super) window: bool,
}

impl Reset {
    /// Reads a reset: a bare number, a Go duration, RFC 3339 or an HTTP-date.
    pub(super) fn parse(text: &[u8], style: Style, reference: &Reference<'_>) -> Option<Self> {
        let absolute = if style.bucket {
            ResetKind::Full
        } else {
            ResetKind::Window
        };
        if let Some(number) = Decimal::parse(text) {
            return Self::from_number(number, style, reference);
        }
        if let Some(after) = number::go_duration(text) {
            return Some(Self {
                after,
                kind: ResetKind::Full,
                refills: true,
            });
        }
        let at = date::rfc3339(text).or_else(|| reference.http_date(text))?;
        Some(Self {
            after: reference.until(at),
            kind: absolute,
            refills: false,
        })
    }

    /// Tells a duration from a time by the size of the number: under one name are in use delta
    /// seconds (Together, Zalando) and times since the epoch, see [`Decimal::epoch_unit`].
    fn from_number(number: Decimal, style: Style, reference: &Reference<'_>) -> Option<Self> {
        if style.milliseconds {
            return Some(Self {
                after: number.duration(MILLISECOND),
                kind: ResetKind::Full,
                refills: true,
            });
        }
        if number.is_short() {
            let kind = if style.window {
                ResetKind::Window
            } else {
                ResetKind::Unknown
            };
            return Some(Self {
                after: number.duration(SECOND),
                kind,
                refills: false,
            });
        }
        let unit = number.epoch_unit()?;
        let at = Timestamp::after_epoch(number.nanos(unit));
        Some(Self {
            after: reference.until(at),
            kind: ResetKind::Window,
            refills: false,
        })
    }
}
