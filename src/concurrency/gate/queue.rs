//! Who waits at the gate, in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;

use super::wakes::Wakes;

/// The line at the gate: first come, first served, by ticket number.
///
/// A waiter is told that it is its turn ("called") and then takes its slot by polling. Until it
/// does, the slot is kept for it, but not for ever: whoever was called and never polls again
/// (a clone that lost a `select!` and is merely kept) forfeits the call to those behind it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    next: u64,
    /// `None`: woken since it last polled. To wake it again would tell it nothing new.
    waiting: BTreeMap<u64, Option<Waker>>,
    called: BTreeSet<u64>,
}

impl Queue {
    /// A number behind everybody else's.
    pub(super) fn ticket(&mut self) -> u64 {
        let id = self.next;
        self.next += 1;
        id
    }

    /// How many wait, called or not.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.called.len()
    }

    /// Whether nobody waits to be called.
    pub(super) fn all_called(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many slots are kept for those called.
    pub(super) fn called(&self) -> usize {
        self.called.len()
    }

    /// Who was called first of those that have not come yet.
    pub(super) fn oldest_called(&self) -> Option<u64> {
        self.called.first().copied()
    }

    /// Puts a waiter that is being polled into its place, and tells whether it came of its own
    /// accord or because it was woken. Its waker is gone until it is [kept](Queue::keep).
    pub(super) fn enter(&mut self, id: u64, wakes: &mut Wakes) -> bool {
        self.called.remove(&id);
        match self.waiting.insert(id, None).flatten() {
            Some(unused) => {
                wakes.discard(unused);
                false
            }
            None => true,
        }
    }

    /// Keeps the waker of a waiter that [entered](Queue::enter).
    pub(super) fn keep(&mut self, id: u64, waker: Waker) {
        self.waiting.insert(id, Some(waker));
    }

    /// Calls the first `slots` of the line.
    pub(super) fn call(&mut self, slots: usize, wakes: &mut Wakes) {
        for _ in 0..slots {
            let Some((id, waker)) = self.waiting.pop_first() else {
                break;
            };
            self.called.insert(id);
            wakes.extend(waker);
        }
    }

    /// Wakes the first `heirs` of those not called that were not woken yet.
    pub(super) fn alert(&mut self, heirs: usize, wakes: &mut Wakes) {
        let wakers = self.waiting.values_mut().filter_map(Option::take);
        wakers
            .take(heirs)
            .for_each(|waker| wakes.extend(Some(waker)));
    }

    /// Whether somebody before `id` has a waker that was not used: it may well be alive.
    pub(super) fn is_preceded(&self, id: u64) -> bool {
        self.waiting.range(..id).any(|(_, waker)| waker.is_some())
    }

    /// Takes a waiter's call, if it was called.
    pub(super) fn claim(&mut self, id: u64) -> bool {
        self.called.remove(&id)
    }

    /// Strikes a waiter from the line.
    pub(super) fn remove(&mut self, id: u64, wakes: &mut Wakes) {
        self.called.remove(&id);
        if let Some(Some(waker)) = self.waiting.remove(&id) {
            wakes.discard(waker);
        }
    }
}
