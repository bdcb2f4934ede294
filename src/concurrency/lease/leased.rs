//! A gate's limit under a share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::tenure::Tenure;
use crate::concurrency::learnt::Learnt;
use crate::concurrency::limit::{
    Circuit, Headroom, Limit, Load, Now, Outcome, Reason, Reasons, Sent,
};
use crate::cost::Cost;
use crate::hint::Hint;

/// The gate's own limit, and the share beside it. A gate without a lease has none of this.
#[derive(Debug)]
pub(in crate::concurrency) struct Leased {
    limit: Box<dyn Limit>,
    /// The keeper has the other one, and locks it for arithmetic only, without a lock of the gate's.
    tenure: Arc<Mutex<Tenure>>,
}

pub(super) fn lock(tenure: &Mutex<Tenure>) -> MutexGuard<'_, Tenure> {
    tenure.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Leased {
    pub(super) fn new(limit: Box<dyn Limit>, tenure: Arc<Mutex<Tenure>>) -> Self {
        Self { limit, tenure }
    }

    /// What the own limit and the share both leave. `next`: what the next request costs, if that is known.
    fn room(&mut self, now: &Now, load: Load, next: Option<&Cost>) -> Headroom {
        let own = |limit: &mut dyn Limit| match next {
            None => limit.headroom(now, load),
            Some(next) => limit.headroom_for(now, load, next),
        };
        let mut tenure = lock(&self.tenure);
        tenure.move_limit(now, &mut *self.limit);
        let share = tenure.headroom(now, load);
        let fixed = tenure.share.role == super::Role::Fixed;
        let room = match share {
            Some(share) if fixed || share.slots == 0 => share,
            Some(share) => {
                let own = own(&mut *self.limit);
                if own.slots == 0 {
                    own
                } else {
                    Headroom::new(own.slots.min(share.slots), None)
                }
            }
            None => own(&mut *self.limit),
        };
        tenure.watch(&*self.limit);
        room
    }
}

impl Limit for Leased {
    fn headroom(&mut self, now: &Now, load: Load) -> Headroom {
        self.room(now, load, None)
    }

    fn headroom_for(&mut self, now: &Now, load: Load, next: &Cost) -> Headroom {
        self.room(now, load, Some(next))
    }

    fn on_send(&mut self, now: &Now, sent: &Sent, load: Load) {
        self.limit.on_send(now, sent, load);
        lock(&self.tenure).on_send(now, sent.seq);
    }

    fn wants_time(&self, seq: u64, load: Load) -> bool {
        self.limit.wants_time(seq, load)
    }

    fn on_cost(&mut self, now: &Now, sent: &Sent, cost: Cost) {
        self.limit.on_cost(now, sent, cost);
    }

    fn on_outcome(&mut self, now: &Now, sent: &Sent, outcome: Outcome<'_>, load: Load) {
        self.limit.on_outcome(now, sent, outcome, load);
        let mut tenure = lock(&self.tenure);
        match outcome {
            Outcome::Accepted(hint) => tenure.on_accepted(hint),
            Outcome::Refused { hint, .. } => tenure.on_refused(now, sent.seq, hint),
            Outcome::Failed | Outcome::Ignored => {}
        }
        tenure.watch(&*self.limit);
    }

    fn on_refined(&mut self, now: &Now, sent: &Sent, hint: &Hint) {
        self.limit.on_refined(now, sent, hint);
    }

    fn pause_for(&mut self, now: &Now, hint: &Hint) -> Option<Duration> {
        self.limit.pause_for(now, hint)
    }

    fn limit(&self) -> usize {
        lock(&self.tenure).bounded(self.limit.limit())
    }

    fn rate(&self) -> Option<f64> {
        lock(&self.tenure).paced(self.limit.rate())
    }

    fn circuit(&self) -> Circuit {
        self.limit.circuit()
    }

    fn reasons(&self) -> Reasons {
        let mut reasons = self.limit.reasons();
        let tenure = lock(&self.tenure);
        let (limit, rate) = (self.limit.limit(), self.limit.rate());
        if tenure.bounded(limit) != limit {
            reasons.limit = Reason::Shared;
        }
        if tenure.paced(rate) != rate {
            reasons.rate = Reason::Shared;
        }
        reasons
    }

    fn set_limit(&mut self, limit: usize) {
        self.limit.set_limit(limit);
        lock(&self.tenure).watch(&*self.limit);
    }

    fn shift(&mut self, now: &Now, places: isize, rate: f64) {
        self.limit.shift(now, places, rate);
        lock(&self.tenure).watch(&*self.limit);
    }

    fn learnt(&self, now: &Now) -> Learnt {
        self.limit.learnt(now)
    }

    fn resume(&mut self, now: &Now, learnt: &Learnt) {
        self.limit.resume(now, learnt);
        lock(&self.tenure).watch(&*self.limit);
    }

    fn forget(&mut self, now: &Now, initial: usize) {
        self.limit.forget(now, initial);
        lock(&self.tenure).watch(&*self.limit);
    }

    fn set_bounds(&mut self, min: usize, max: usize) {
        self.limit.set_bounds(min, max);
        lock(&self.tenure).watch(&*self.limit);
    }

    fn set_max_wait(&mut self, max: Duration) {
        self.limit.set_max_wait(max);
    }

    fn set_seed(&mut self, seed: u64) {
        self.limit.set_seed(seed);
    }
}
