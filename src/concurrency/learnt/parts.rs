//! What a record consists of.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::hint::Dimension;

/// Units per second beyond which a rate makes no sense.
const RATES: RangeInclusive<f64> = 1e-6..=1e12;

/// The longest window that makes sense, in seconds.
const LONGEST: Duration = Duration::from_secs(86_400);

/// How well an in-flight limit is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "lowercase")
)]
#[non_exhaustive]
pub enum Ceiling {
    /// Not at all: more was never refused, or something else binds.
    #[default]
    Unknown,
    /// More was refused.
    Found,
    /// More was refused again and again.
    Confirmed,
}

/// How many units a server accepts per second.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// What is counted.
    dimension: Dimension,
    /// The highest pace that held.
    per_second: f64,
    /// What was measured when the server last refused.
    measured: f64,
    /// How many units the server's bucket holds, as far as is known.
    depth: f64,
}

impl Rate {
    /// Creates a rate of `per_second` units. `None` if that is no number from a millionth to a million millions.
    #[must_use]
    pub fn new(dimension: Dimension, per_second: f64) -> Option<Self> {
        RATES.contains(&per_second).then_some(Self {
            dimension,
            per_second,
            measured: per_second,
            depth: 1.0,
        })
    }

    /// Returns what is counted.
    #[must_use]
    pub const fn dimension(&self) -> &Dimension {
        &self.dimension
    }

    /// Returns the highest pace that held, in units per second.
    #[must_use]
    pub const fn per_second(&self) -> f64 {
        self.per_second
    }

    /// Returns what was measured when the server last refused, in units per second.
    #[must_use]
    pub const fn measured(&self) -> f64 {
        self.measured
    }

    /// Sets what was measured. A number that makes no sense is ignored.
    #[must_use]
    pub fn with_measured(mut self, per_second: f64) -> Self {
        if RATES.contains(&per_second) {
            self.measured = per_second;
        }
        self
    }

    /// Returns how many units the server's bucket holds, as far as is known. 1 if nothing is known.
    #[must_use]
    pub const fn depth(&self) -> f64 {
        self.depth
    }

    /// Sets how many units the server's bucket holds. Less than 1 counts as 1, and what is no number is ignored.
    #[must_use]
    pub fn with_depth(mut self, units: f64) -> Self {
        if units.is_finite() {
            self.depth = units.clamp(1.0, *RATES.end());
        }
        self
    }

    /// What counts of it when the record is this much older. The bucket was empty, and filled since.
    pub(super) fn after(&self, age: Duration) -> Self {
        let filled = self.measured * age.as_secs_f64();
        self.clone().with_depth(self.depth.min(filled))
    }

    /// Half of it.
    pub(super) fn halved(&self) -> Option<Self> {
        let half = Self::new(self.dimension.clone(), self.per_second / 2.0)?;
        Some(
            half.with_measured(self.measured / 2.0)
                .with_depth(self.depth),
        )
    }
}

/// A fixed window in which a server counts requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How long it lasts.
    length: Duration,
    /// How many requests it takes.
    quota: u64,
    /// How long before the record was made one began.
    began: Duration,
}

impl Window {
    /// Creates a window of `quota` requests, which began this long before the record is made. `None` if it lasts for
    /// no time or for more than a day, or takes no request.
    #[must_use]
    pub fn new(length: Duration, quota: u64, began: Duration) -> Option<Self> {
        let makes_sense = !length.is_zero() && length <= LONGEST && quota > 0;
        makes_sense.then_some(Self {
            length,
            quota,
            began,
        })
    }

    /// Returns how long it lasts.
    #[must_use]
    pub const fn length(&self) -> Duration {
        self.length
    }

    /// Returns how many requests it takes.
    #[must_use]
    pub const fn quota(&self) -> u64 {
        self.quota
    }

    /// Returns how long before the record was made one began.
    #[must_use]
    pub const fn began(&self) -> Duration {
        self.began
    }

    /// The one that goes on when the record is this much older.
    pub(super) fn after(self, age: Duration) -> Self {
        let since = self.began.saturating_add(age).as_nanos() % self.length.as_nanos();
        // Less than the length, which is at most a day.
        let began = Duration::from_nanos(u64::try_from(since).unwrap_or(0));
        Self { began, ..self }
    }
}
