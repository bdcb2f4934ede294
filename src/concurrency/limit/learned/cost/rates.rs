//! The refill of a bucket, between bounds.

/// Between which rates a bucket refills, in units per second.
///
/// A server rounds what it tells, so each answer bounds the rate from both sides. What all answers allow is
/// narrower than what any of them does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RateBounds {
    least: f64,
    most: f64,
}

impl RateBounds {
    /// A bucket that misses between `missing` units is full in between `seconds`.
    pub(super) fn of(missing: (f64, f64), seconds: (f64, f64)) -> Self {
        let rate = |missing: f64, seconds: f64, unknown: f64| {
            if seconds > 0.0 {
                missing.max(0.0) / seconds
            } else {
                unknown
            }
        };
        Self {
            least: rate(missing.0, seconds.1, 0.0),
            most: rate(missing.1, seconds.0, f64::INFINITY),
        }
    }

    /// What both allow. If nothing does, the rate is another one now.
    pub(super) fn and(self, other: Self) -> Self {
        let both = Self {
            least: self.least.max(other.least),
            most: self.most.min(other.most),
        };
        if both.least <= both.most { both } else { other }
    }

    /// The lowest rate that it may be, if one is known. What flows faster is told with the next answers, and a mirror
    /// that is ahead of its bucket is refused.
    pub(super) fn rate(self) -> Option<f64> {
        (self.least > 0.0).then_some(self.least)
    }
}
