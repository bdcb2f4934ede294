//! Why the limit, the rate and the circuit breaker are what they are.

use super::Learned;
use crate::concurrency::limit::{Reason, Reasons};

impl Learned {
    pub(super) fn explain(&self) -> Reasons {
        Reasons::of_limit(self.limit.why())
            .of_rate(self.pace_reason)
            .of_circuit(self.breaker.why())
    }

    /// Ends the pace, if there is one.
    pub(super) fn drop_pace(&mut self, why: Reason) {
        if self.pacer.take().is_some() {
            self.pace_reason = why;
        }
    }

    /// The pace was measured, raised or lowered. Where others share the quota, that is the reason.
    pub(super) fn pace_changed(&mut self, why: Reason) {
        let shared = self.pacer.as_ref().is_some_and(|pacer| pacer.is_shared());
        self.pace_reason = if shared { Reason::Shared } else { why };
    }
}
