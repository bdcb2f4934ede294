//! Who waits at the gate, in which order.
//!
//! The line is ordered by a tag. A newcomer's is greater than all that were given before, so the line is
//! first come, first served, unless something was refused. A request that was refused comes back with the tag
//! it had, and so stands where it would stand if it had not been tried.
//!
//! # Weights
//!
//! Tags lie [`SPACING`] apart so that classes of requests with weights fit between them (start-time fair
//! queuing): the tag of a newcomer would be the greater of the tag that was last let through and the last
//! tag of its class, plus `SPACING / weight`. One class of weight 1 is what there is now.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::Duration;

use super::wakes::Wakes;
use crate::concurrency::limit::Now;

/// For how long a slot is kept for a waiter that was called: far longer than an executor takes to
/// run one who lives, and no time for a client.
const GRACE: Duration = Duration::from_millis(10);

const TICK: Duration = Duration::from_millis(1);

/// How far the tags of two newcomers lie apart: enough for half of the way to the end of the line to be
/// taken sixteen times, and for hundreds of millions of millions of requests.
const SPACING: u64 = 1 << 16;

/// After up to this many refusals a request keeps its place. With each further one it moves half of the way
/// to the end of the line: a request that is always refused must not stand in front for ever.
const KEPT_REFUSALS: u32 = 3;

/// After this many refusals it stands behind all others. Half of the way would never pass a line whose members give up
/// before their turn.
const LAST_KEPT: u32 = 2 * KEPT_REFUSALS;

/// The line at the gate.
///
/// A waiter is told that it is its turn ("called") and then takes its slot by polling. Until it
/// does, the slot is kept for it, but not for ever: whoever was called and does not poll (a clone
/// that lost a `select!` and is merely kept) forfeits the call to those behind it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The greatest tag that was given.
    last: u64,
    /// `None`: woken since it last polled. To wake it again would tell it nothing new.
    waiting: BTreeMap<u64, Option<Waker>>,
    /// With when they were called.
    called: BTreeMap<u64, Duration>,
    /// No call is much older than this; all may be younger.
    called_since: Duration,
    /// Those who wait from here on were woken to set the alarm, and did not come yet.
    alerted_from: u64,
    /// Those who forfeited their call. They may come back, and nobody else may have their tag.
    away: BTreeSet<u64>,
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
    /// A tag behind everybody else's.
    #[inline]
    pub(super) fn ticket(&mut self) -> u64 {
        self.last += SPACING;
        self.last
    }

    /// The tag of a request that had `tag` when it was refused, `refusals` times by now.
    pub(super) fn former(&mut self, tag: u64, refusals: u32) -> u64 {
        if refusals > LAST_KEPT {
            return self.ticket();
        }
        let mut tag = tag.min(self.last);
        if refusals > KEPT_REFUSALS {
            tag += (self.last - tag).div_ceil(2);
        }
        while self.is_given(tag) {
            tag += 1;
        }
        self.last = self.last.max(tag);
        tag
    }

    fn is_given(&self, tag: u64) -> bool {
        self.waiting.contains_key(&tag)
            || self.called.contains_key(&tag)
            || self.away.contains(&tag)
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
        let (away, before) = (&mut self.away, self.called.len());
        self.called.retain(|id, at| {
            let kept = now.get() < *at + GRACE;
            if !kept {
                away.insert(*id);
            }
            kept
        });
        // All are looked at again a millisecond later at the earliest, as timers are no finer.
        let next = (now.get() + TICK).saturating_sub(GRACE);
        let oldest = self.called.values().min().copied().unwrap_or_default();
        self.called_since = oldest.max(next);
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
                    self.away.remove(&id);
                    Found::Outside
                }
            }
        }
    }

    /// Keeps the waker of a waiter that [entered](Queue::enter).
    pub(super) fn keep(&mut self, id: u64, waker: Waker) {
        self.alerted_from = self.alerted_from.max(id.saturating_add(1));
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
    /// were polled last, so that they are the likeliest to be alive. Those woken before are passed over
    /// at once: there may be as many as the line is long.
    pub(super) fn alert(&mut self, count: usize, wakes: &mut Wakes) {
        let mut left = count;
        for (id, waker) in self.waiting.range_mut(..self.alerted_from).rev() {
            if left == 0 {
                break;
            }
            self.alerted_from = *id;
            if let Some(waker) = waker.take() {
                wakes.extend(Some(waker));
                left -= 1;
            }
        }
    }

    /// Whether this waiter was called, and has not come yet.
    pub(super) fn is_called(&self, id: u64) -> bool {
        self.called.contains_key(&id)
    }

    /// Takes a waiter's call, if it was called and is among the first `slots` of those who were:
    /// there may be less room now than when they were called. The others wait again.
    pub(super) fn claim(&mut self, id: u64, slots: usize) -> bool {
        while self.called.len() > slots {
            let Some((last, _)) = self.called.pop_last() else {
                break;
            };
            self.waiting.insert(last, None);
        }
        self.called.remove(&id).is_some()
    }

    /// Ends the line: all are woken, and none has a place any more.
    pub(super) fn close(&mut self, wakes: &mut Wakes) {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_values().for_each(|waker| wakes.extend(waker));
        self.called.clear();
        self.away.clear();
    }

    /// Strikes a waiter from the line.
    pub(super) fn remove(&mut self, id: u64, wakes: &mut Wakes) {
        self.called.remove(&id);
        self.away.remove(&id);
        if let Some(Some(waker)) = self.waiting.remove(&id) {
            wakes.discard(waker);
        }
    }
}
