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
        let rate = |missing: f64, seconds: f64| {
            if seconds > 0.0 {
                missing / seconds
            } else {
                f64::INFINITY
            }
        };
        Self {
            least: rate(missing.0.max(0.0), seconds.1),
            most: rate(missing.1.max(0.0), seconds.0),
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

    /// The rate, if that can be told.
    pub(super) fn rate(self) -> Option<f64> {
        if self.least <= 0.0 {
            return None;
        }
        Some(if self.most.is_finite() {
            (self.least * self.most).sqrt()
        } else {
            self.least
        })
    }
}
