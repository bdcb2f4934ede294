//! What a gate has learned, to be kept for the next run.
//!
//! [`Handle::export`](super::Handle::export) makes a [`Learnt`], and
//! [`AdaptiveConcurrencyLayer::resume`](super::AdaptiveConcurrencyLayer::resume) begins with one. See the guide
//! [`resuming`](crate::guide::resuming).

#[cfg(feature = "serde")]
mod document;
mod fade;
mod parts;

use std::time::{Duration, SystemTime};

pub use self::parts::{Ceiling, Rate, Window};
use crate::hint::{Dimension, Quota};

/// How many rates and quotas are kept. There are no more kinds of units than that.
const MAX_PARTS: usize = 8;

/// What a gate has learned: findings, not the state of its algorithm.
///
/// A gate that begins with it takes all of it for likely and none of it for proven: it is tested early, and the first
/// refusals and answers correct it. How much of it still counts depends on its [age](Self::age):
///
/// - A pause and told quotas end at their own times.
/// - The in-flight limit and the rates count as they are for a day. After that half of each counts, and a fixed window
///   does not.
/// - What was exported in the future, by the clock of this machine, counts as absent.
///
/// With the feature `serde` it can be written and read, in [a form that is kept](#as-json).
///
/// # Examples
///
/// ```
/// use tower_throttle::AdaptiveConcurrencyLayer;
/// use tower_throttle::concurrency::Learnt;
///
/// let learnt: Learnt = AdaptiveConcurrencyLayer::new().handle().export();
///
/// // In the next run:
/// let handle = AdaptiveConcurrencyLayer::new().resume(learnt).handle();
/// assert!(handle.is_resumed());
/// ```
///
/// # As JSON
///
/// Only `version`, `at` and `limit` are always there. Times are in seconds, and those without a date are counted from
/// `at`. What does not parse, names another version, or has a number that makes no sense is an error of the reader's;
/// take that for nothing learned, and go on:
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use tower_throttle::AdaptiveConcurrencyLayer;
/// use tower_throttle::concurrency::Learnt;
///
/// let text = r#"{
///     "version": 1,
///     "at": 1796067600.25,
///     "limit": 12,
///     "ceiling": "confirmed",
///     "round_trip": 2.1,
///     "rates": [{ "dimension": "requests", "per_second": 8.25, "measured": 8.33, "depth": 10.0 }],
///     "window": { "length": 60.0, "quota": 500, "began": 12.5 },
///     "quotas": [{ "dimension": "requests", "limit": 500, "remaining": 20, "reset": 47.5, "kind": "window" }],
///     "pause": 20.0
/// }"#;
/// let learnt = serde_json::from_str::<Learnt>(text).ok();
/// assert_eq!(learnt.as_ref().map(Learnt::limit), Some(12));
/// let layer = AdaptiveConcurrencyLayer::new().resume(learnt);
/// # let _ = layer;
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "document::Document", try_from = "document::Document")
)]
pub struct Learnt {
    /// When it was exported.
    at: SystemTime,
    /// How long ago that was, if that is not told by `at`.
    age: Option<Duration>,
    /// How many requests may be in flight.
    limit: usize,
    /// How well that is known.
    ceiling: Ceiling,
    /// What is accepted per second.
    rates: Vec<Rate>,
    /// The server's fixed window.
    window: Option<Window>,
    /// The mean time of an answer.
    round_trip: Option<Duration>,
    /// What the server told of its quotas.
    quotas: Vec<Quota>,
    /// How much of a pause was left.
    pause: Option<Duration>,
}

impl Learnt {
    /// Creates a record of a limit of `limit` requests in flight, and of nothing else. 0 counts as 1.
    ///
    /// A [`Limit`](super::limit::Limit) makes one in [`Limit::learnt`](super::limit::Limit::learnt). It need not tell when:
    /// the gate does.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            at: SystemTime::UNIX_EPOCH,
            age: None,
            limit: if limit == 0 { 1 } else { limit },
            ceiling: Ceiling::Unknown,
            rates: Vec::new(),
            window: None,
            round_trip: None,
            quotas: Vec::new(),
            pause: None,
        }
    }

    /// Returns when it was exported.
    #[must_use]
    pub const fn at(&self) -> SystemTime {
        self.at
    }

    /// Sets when it was exported. All other times move with it.
    #[must_use]
    pub const fn with_at(mut self, at: SystemTime) -> Self {
        (self.at, self.age) = (at, None);
        self
    }

    /// Sets how old it is, whatever the clock says. For tests: on a paused clock of tokio's, the wall clock stands
    /// still.
    #[must_use]
    pub const fn aged(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Returns how old it is `now`. `None` if it is of the future, and counts as absent.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        self.age.or_else(|| now.duration_since(self.at).ok())
    }

    /// Returns how many requests may be in flight.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Returns how well the limit is known.
    #[must_use]
    pub const fn ceiling(&self) -> Ceiling {
        self.ceiling
    }

    /// Sets how well the limit is known.
    #[must_use]
    pub const fn with_ceiling(mut self, ceiling: Ceiling) -> Self {
        self.ceiling = ceiling;
        self
    }

    /// Returns what is accepted per second, at most one rate for each dimension.
    #[must_use]
    pub fn rates(&self) -> &[Rate] {
        &self.rates
    }

    /// Returns the rate of a dimension.
    #[must_use]
    pub fn rate(&self, dimension: &Dimension) -> Option<&Rate> {
        self.rates.iter().find(|rate| rate.dimension() == dimension)
    }

    /// Adds a rate, in place of the one of its dimension. Beyond eight, none is added.
    #[must_use]
    pub fn with_rate(mut self, rate: Rate) -> Self {
        self.rates
            .retain(|other| other.dimension() != rate.dimension());
        if self.rates.len() < MAX_PARTS {
            self.rates.push(rate);
        }
        self
    }

    /// Returns the fixed window in which the server counts.
    #[must_use]
    pub const fn window(&self) -> Option<Window> {
        self.window
    }

    /// Sets the fixed window in which the server counts.
    #[must_use]
    pub const fn with_window(mut self, window: Window) -> Self {
        self.window = Some(window);
        self
    }

    /// Returns the mean time of an answer.
    #[must_use]
    pub const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Sets the mean time of an answer.
    #[must_use]
    pub const fn with_round_trip(mut self, round_trip: Duration) -> Self {
        self.round_trip = Some(round_trip);
        self
    }

    /// Returns what the server told of its quotas. Their resets are counted from [`at`](Self::at).
    #[must_use]
    pub fn quotas(&self) -> &[Quota] {
        &self.quotas
    }

    /// Adds what the server told of a quota. Beyond eight, none is added.
    #[must_use]
    pub fn with_quota(mut self, quota: Quota) -> Self {
        if self.quotas.len() < MAX_PARTS {
            self.quotas.push(quota);
        }
        self
    }

    /// Returns when the pause ends that a server asked for. It may be over.
    #[must_use]
    pub fn pause_until(&self) -> Option<SystemTime> {
        self.at.checked_add(self.pause?)
    }

    /// Sets how much of a pause was left.
    #[must_use]
    pub const fn with_pause(mut self, left: Duration) -> Self {
        self.pause = Some(left);
        self
    }

    /// What is left of a pause.
    pub(crate) const fn pause(&self) -> Option<Duration> {
        self.pause
    }
}
