//! What is to be done once the lock is free again.

use std::task::Waker;

/// Wakers to wake, or only to drop, when the gate's lock is no longer held: both run foreign code.
#[derive(Debug, Default)]
pub(in crate::concurrency) struct Wakes(Vec<Fate>);

#[derive(Debug)]
enum Fate {
    Wake(Waker),
    Discard(Waker),
}

impl Wakes {
    pub(super) fn extend(&mut self, waker: Option<Waker>) {
        self.0.extend(waker.map(Fate::Wake));
    }

    pub(super) fn discard(&mut self, waker: Waker) {
        self.0.push(Fate::Discard(waker));
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn run(self) {
        for fate in self.0 {
            match fate {
                Fate::Wake(waker) => waker.wake(),
                Fate::Discard(waker) => drop(waker),
            }
        }
    }
}
