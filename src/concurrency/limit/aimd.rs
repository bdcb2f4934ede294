//! Additive increase, multiplicative decrease.

use super::level::Level;
use super::{Headroom, Limit, Load, Now, Outcome, Reason, Reasons, Sent};

/// Grows by one request per round trip while the limit binds, and shrinks by a factor once for each
/// time that the server begins to refuse.
///
/// This is TCP's classic rule (Chiu and Jain 1989; the one cut per event is the recovery point of
/// RFC 6582), with refusals for losses. Simple and fair; but it can say nothing about requests per
/// minute, and pays for what it knows with refusals again and again.
///
/// ```
/// use tower_throttle::{AdaptiveConcurrencyLayer, concurrency::limit::Aimd};
///
/// let layer = AdaptiveConcurrencyLayer::with_limit(Aimd::new().decrease(0.5));
/// ```
#[derive(Clone, Debug)]
pub struct Aimd {
    level: Level,
    increase: f64,
    decrease: f64,
}

impl Aimd {
    /// Starts at 4, within 1 and 1000; grows by 1 per round trip and is cut to 0.9.
    #[must_use]
    pub fn new() -> Self {
        Self {
            level: Level::default(),
            increase: 1.0,
            decrease: 0.9,
        }
    }

    /// By how many requests the limit grows in a round trip: 1 by default. Less than 0, or no
    /// number, is taken for 0.
    #[must_use]
    pub fn increase(mut self, step: f64) -> Self {
        self.increase = step.max(0.0);
        self
    }

    /// What is left of the limit after a cut: 0.9 by default. Kept within 0.1 and 0.99.
    #[must_use]
    pub fn decrease(mut self, factor: f64) -> Self {
        self.decrease = factor.clamp(0.1, 0.99);
        self
    }
}

impl Default for Aimd {
    fn default() -> Self {
        Self::new()
    }
}

impl Limit for Aimd {
    fn headroom(&mut self, _: &Now, load: Load) -> Headroom {
        self.level.headroom(load)
    }

    fn on_send(&mut self, _: &Now, sent: &Sent, _: Load) {
        self.level.on_send(sent);
    }

    fn wants_time(&self, _: u64, _: Load) -> bool {
        false
    }

    fn on_outcome(&mut self, _: &Now, sent: &Sent, outcome: Outcome<'_>, load: Load) {
        let value = self.level.value();
        match outcome {
            // As many answers as the limit are one round trip.
            Outcome::Accepted(_) if self.level.binds(sent, load) => {
                self.level
                    .change(value + self.increase / value, Reason::Increase);
            }
            Outcome::Refused { hint, .. } if self.level.begin_event(sent, hint) => {
                self.level.change(value * self.decrease, Reason::Refused);
            }
            _ => {}
        }
    }

    fn limit(&self) -> usize {
        self.level.get()
    }

    fn reasons(&self) -> Reasons {
        self.level.reasons()
    }

    fn set_limit(&mut self, limit: usize) {
        self.level.set(limit as f64);
    }

    fn set_bounds(&mut self, min: usize, max: usize) {
        self.level.set_bounds(min, max);
    }
}
