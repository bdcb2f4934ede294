//! What the times in a response are measured against.

use std::cell::OnceCell;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

use super::date::{Timestamp, http_date};
use super::number::{self, DAY, Decimal};

/// How far a number may be from now, in nanoseconds, to be taken for a time.
const YEAR: u128 = 366 * DAY as u128;

/// What absolute times in a response are measured against: its own `Date` header, so that a wrong
/// clock on either side does no harm, and the local clock if there is no usable one.
///
/// The local clock is read only if it is needed.
pub(super) struct Reference<'a> {
    headers: &'a HeaderMap,
    received: &'a dyn Deref<Target = SystemTime>,
    now: OnceCell<Timestamp>,
}

impl<'a> Reference<'a> {
    pub(super) fn new(
        headers: &'a HeaderMap,
        received: &'a dyn Deref<Target = SystemTime>,
    ) -> Self {
        Self {
            headers,
            received,
            now: OnceCell::new(),
        }
    }

    /// The reference for headers that stand in the body of this response: their own `Date`, if they
    /// have one, and this response's if not.
    #[cfg(feature = "json")]
    pub(super) fn within<'b>(&'b self, headers: &'b HeaderMap) -> Reference<'b> {
        let headers = if headers.contains_key(header::DATE) {
            headers
        } else {
            self.headers
        };
        Reference::new(headers, self.received)
    }

    /// The time at which the response was made.
    pub(super) fn now(&self) -> Timestamp {
        *self.now.get_or_init(|| {
            let local = || Timestamp::from(**self.received);
            let date = self.headers.get(header::DATE);
            date.and_then(|value| http_date(value.as_bytes(), local))
                .unwrap_or_else(local)
        })
    }

    /// The time from the response until `then`.
    pub(super) fn until(&self, then: Timestamp) -> Duration {
        then.since(self.now())
    }

    /// A number of units that should be a delay. Some servers send the time itself, as a number since
    /// the epoch, under the name of a delay (docker/hub-feedback#2459).
    ///
    /// It is taken for a time if that lies within a year of the response, and if it would be a delay of
    /// decades: a month in milliseconds looks like a time in seconds.
    pub(super) fn delay(&self, number: Decimal, unit: u64) -> Duration {
        let delay = number.duration(unit);
        let decades = delay.as_nanos() > 20 * YEAR;
        let time = number.epoch_unit().filter(|_| decades);
        let time = time.map(|unit| Timestamp::after_epoch(number.nanos(unit)));
        match time.filter(|time| time.distance(self.now()) <= YEAR) {
            Some(time) => self.until(time),
            None => delay,
        }
    }

    /// The time until it is `hour` o'clock in UTC.
    pub(super) fn until_hour(&self, hour: u64) -> Duration {
        number::ceil_to_millis(self.now().until_hour(hour))
    }

    /// Reads an HTTP-date.
    pub(super) fn http_date(&self, text: &[u8]) -> Option<Timestamp> {
        http_date(text, || self.now())
    }
}
