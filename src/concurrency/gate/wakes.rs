//! What is to be done once the lock is free again.

use std::task::Waker;

/// Wakers to wake, or only to drop, when the gate's lock is no longer held: both run foreign code.
#[derive(Debug, Default)]
pub(in crate::concurrency) struct Wakes {
    wake: Vec<Waker>,
    discard: Vec<Waker>,
}

impl Wakes {
    pub(super) fn extend(&mut self, waker: Option<Waker>) {
        self.wake.extend(waker);
    }

    pub(super) fn discard(&mut self, waker: Waker) {
        self.discard.push(waker);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wake.is_empty() && self.discard.is_empty()
    }

    pub(super) fn run(self) {
        self.wake.into_iter().for_each(Waker::wake);
    }
}
