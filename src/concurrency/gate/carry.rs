//! What a gate leaves to the next run, and what it takes from an earlier one.

use std::time::SystemTime;

use super::state::State;
use super::wakes::Wakes;
use crate::concurrency::learnt::Learnt;
use crate::concurrency::limit::{Now, Reason};

impl State {
    /// What was learned, as of `at`.
    pub(in crate::concurrency) fn export(&self, now: &Now, at: SystemTime) -> Learnt {
        let learnt = self.limit.learnt(now).with_at(at);
        match self.pause.until(now) {
            Some(until) => learnt.with_pause(until.saturating_sub(now.get())),
            None => learnt,
        }
    }

    /// Begins with what another gate has learned, unless that is of the future.
    pub(in crate::concurrency) fn resume_from(
        &mut self,
        now: &Now,
        learnt: &Learnt,
        at: SystemTime,
    ) {
        let Some(age) = learnt.age(at) else { return };
        let learnt = learnt.faded(age);
        self.limit.resume(now, &learnt);
        if let Some(left) = learnt.pause() {
            // Nobody is held by a record for longer than by a server.
            self.pause.begin(now, left.min(self.pause.max()));
        }
        self.resumed = true;
        self.version += 1;
    }

    /// Sets the limit to start with.
    pub(in crate::concurrency) fn set_initial(
        &mut self,
        now: &Now,
        limit: usize,
        wakes: &mut Wakes,
    ) {
        self.initial = limit.try_into().unwrap_or(u32::MAX);
        self.set_limit(now, limit, wakes);
    }

    /// Begins anew. A pause goes on.
    pub(in crate::concurrency) fn forget(&mut self, now: &Now, wakes: &mut Wakes) {
        self.limit.forget(now, self.initial as usize);
        self.compare(Some(Reason::Set));
        self.resumed = false;
        self.version += 1;
        self.settle(now, wakes);
    }
}
