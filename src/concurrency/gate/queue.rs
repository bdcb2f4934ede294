//! Who waits at the gate, in which order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::task::Waker;
use std::time::Duration;

use super::wakes::Wakes;
use crate::concurrency::limit::Now;

/// For how long a slot is kept for a waiter that was called: far longer than an executor takes to
/// run one who lives, and no time for a client.
const GRACE: Duration = Duration::from_millis(10);

/// The line at the gate: first come, first served, by ticket number.
///
/// A waiter is told that it is its turn ("called") and then takes its slot by polling. Until it
/// does, the slot is kept for it, but not for ever: whoever was called and does not poll (a clone
/// that lost a `select!` and is merely kept) forfeits the call to those behind it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    next: u64,
    /// `None`: woken since it last polled. To wake it again would tell it nothing new.
    waiting: BTreeMap<u64, Option<Waker>>,
    /// With when they were called.
    called: BTreeMap<u64, Duration>,
    /// No call is older than this; all may be younger.
    called_since: Duration,
}

/// How a waiter that is being polled was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Not in the line: it is new, or it forfeited its call.
    Outside,
    /// Waiting, and not woken: it came of its own accord.
    Waiting,
    /// Woken, though nobody called it or the call is void.
    Woken,
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

    /// When somebody called may forfeit the call to one who waits.
    pub(super) fn grace_ends(&self) -> Option<Duration> {
        let kept = !self.called.is_empty() && !self.waiting.is_empty();
        kept.then(|| self.called_since + GRACE)
    }

    /// When one who is called now would forfeit the call.
    pub(super) fn grace_from(now: &Now) -> Duration {
        now.get() + GRACE
    }

    /// Voids the calls that were not answered in time, and tells whether there were any. Those who
    /// had them hold nothing from now on, until they poll again.
    pub(super) fn expire(&mut self, now: &Now) -> bool {
        if self.called.is_empty() || now.get() < self.called_since + GRACE {
            return false;
        }
        let before = self.called.len();
        self.called.retain(|_, at| now.get() < *at + GRACE);
        self.called_since = self.called.values().min().copied().unwrap_or_default();
        self.called.len() < before
    }

    /// Puts a waiter that is being polled into its place. Its waker, if it had one, is left in
    /// `unused`, and it is not woken until it has [another](Queue::keep).
    pub(super) fn enter(&mut self, id: u64, unused: &mut Option<Waker>) -> Found {
        match self.waiting.entry(id) {
            Entry::Occupied(mut entry) => {
                *unused = entry.get_mut().take();
                if unused.is_some() {
                    Found::Waiting
                } else {
                    Found::Woken
                }
            }
            Entry::Vacant(entry) => {
                entry.insert(None);
                if self.called.remove(&id).is_some() {
                    Found::Woken
                } else {
                    Found::Outside
                }
            }
        }
    }

    /// Keeps the waker of a waiter that [entered](Queue::enter).
    pub(super) fn keep(&mut self, id: u64, waker: Waker) {
        self.waiting.insert(id, Some(waker));
    }

    /// Calls the first `slots` of the line.
    pub(super) fn call(&mut self, now: &Now, slots: usize, wakes: &mut Wakes) {
        if self.called.is_empty() {
            self.called_since = now.get();
        }
        for _ in 0..slots {
            let Some((id, waker)) = self.waiting.pop_first() else {
                break;
            };
            self.called.insert(id, now.get());
            wakes.extend(waker);
        }
    }

    /// Wakes the last `count` of those not called that were not woken yet: they stay longest, and
    /// were polled last, so that they are the likeliest to be alive.
    pub(super) fn alert(&mut self, count: usize, wakes: &mut Wakes) {
        let wakers = self.waiting.values_mut().rev().filter_map(Option::take);
        wakers
            .take(count)
            .for_each(|waker| wakes.extend(Some(waker)));
    }

    /// Whether this waiter was called, and has not come yet.
    pub(super) fn is_called(&self, id: u64) -> bool {
        self.called.contains_key(&id)
    }

    /// Takes a waiter's call, if it was called and is among the first `slots` of those who were:
    /// there may be less room now than when they were called.
    pub(super) fn claim(&mut self, id: u64, slots: usize) -> bool {
        let first =
            self.called.contains_key(&id) && self.called.range(..id).take(slots).count() < slots;
        first && self.called.remove(&id).is_some()
    }

    /// Strikes a waiter from the line.
    pub(super) fn remove(&mut self, id: u64, wakes: &mut Wakes) {
        self.called.remove(&id);
        if let Some(Some(waker)) = self.waiting.remove(&id) {
            wakes.discard(waker);
        }
    }
}
