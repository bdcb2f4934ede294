//! Moments to come.

use std::time::Duration;

use rand::rngs::SmallRng;
use tokio::time::Instant;

use super::backoff::above;

/// `until`, and a little later, so that those who wait for the same moment do not wake in step.
pub(super) fn spread(until: Instant, now: Instant, rng: &mut SmallRng) -> Instant {
    later(until, above(until.saturating_duration_since(now), rng))
}

/// `from + by`, for any `by`: what lies beyond the clock's range counts as a century.
pub(super) fn later(from: Instant, by: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    from.checked_add(by.min(CENTURY)).unwrap_or(from)
}
