//! A limit that is set, not learned.

use super::super::learnt::Learnt;
use super::{Headroom, Limit, Load, Now, Outcome, Sent};

/// A limit that stays where it is put: between 1 and whatever is asked for.
///
/// Refusals do not change it; the gate still pauses as long as they ask.
#[derive(Clone, Debug)]
pub struct Fixed {
    limit: usize,
    min: usize,
    max: usize,
}

impl Fixed {
    /// At most `limit` requests in flight; 0 is taken for 1.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            min: 1,
            max: usize::MAX,
        }
    }
}

impl Limit for Fixed {
    fn headroom(&mut self, _: &Now, load: Load) -> Headroom {
        Headroom::of(self.limit, load)
    }

    fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {}

    fn wants_time(&self, _: u64, _: Load) -> bool {
        false
    }

    fn on_outcome(&mut self, _: &Now, _: &Sent, _: Outcome<'_>, _: Load) {}

    fn limit(&self) -> usize {
        self.limit
    }

    fn set_limit(&mut self, limit: usize) {
        self.limit = limit.clamp(self.min, self.max);
    }

    /// It was set, and is no finding of another run's.
    fn resume(&mut self, _: &Now, _: &Learnt) {}

    /// It was set, and not learned.
    fn forget(&mut self, _: &Now, _: usize) {}

    fn set_bounds(&mut self, min: usize, max: usize) {
        self.min = min.max(1);
        self.max = max.max(self.min);
        self.set_limit(self.limit);
    }
}
