//! Nothing is known any more.

use std::sync::Arc;

use super::{Learned, Reason};

impl Learned {
    /// Begins anew at `initial`. What is in flight was sent before, and is no evidence.
    pub(super) fn forget_all(&mut self, initial: usize) {
        let mut limit = self.limit.forgotten(self.tuning.free);
        limit.set(initial);
        let mut fresh = Self::with_shared(Arc::clone(&self.tuning));
        fresh.breaker.explain(Reason::Set);
        *self = Self {
            limit,
            advertised: self.advertised.forgotten(),
            sent: self.sent,
            refused: self.refused,
            recovery_epoch: self.sent,
            admitted_at_refusal: self.sent as f64 - self.refused as f64,
            demand: self.demand,
            pace_reason: Reason::Set.into(),
            ..fresh
        };
    }
}
