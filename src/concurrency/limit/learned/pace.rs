//! The pace: the room that it needs, and why it and its like are what they are.

use super::Learned;
use crate::concurrency::limit::{Reason, Reasons};

impl Learned {
    pub(super) fn explain(&self) -> Reasons {
        Reasons::of_limit(self.limit.why())
            .of_rate(self.pace_reason.into())
            .of_circuit(self.breaker.why())
    }

    /// Makes room so that the pacer binds, and not the in-flight limit.
    pub(super) fn make_room_for_pacer(&mut self) {
        if let Some(pacer) = &self.pacer {
            let in_flight = pacer.rate() * self.rtt.unwrap_or(0.0);
            self.limit
                .widen(self.tuning.room_in_flight * in_flight + self.tuning.room_requests);
        }
    }

    /// Ends the pace, if there is one.
    pub(super) fn drop_pace(&mut self, why: Reason) {
        if self.pacer.take().is_some() {
            self.pace_reason = why.into();
        }
    }

    /// The pace was measured, raised or lowered. Where others share the quota, that is the reason.
    pub(super) fn pace_changed(&mut self, why: Reason) {
        let shared = self.pacer.as_ref().is_some_and(|pacer| pacer.is_shared());
        let why = if shared { Reason::Shared } else { why };
        self.pace_reason = why.into();
    }
}
