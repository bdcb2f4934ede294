//! Who waits at the gate, who was called, and who did not come.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::Duration;

use super::line::{Fare, Line, Order, Spot};
use super::wakes::Wakes;
use crate::concurrency::limit::Now;
use crate::priority::{ClassKey, Priority};

/// For how long a slot is kept for a waiter that was called: far longer than an executor takes to
/// run one who lives, and no time for a client.
const GRACE: Duration = Duration::from_millis(10);

const TICK: Duration = Duration::from_millis(1);

/// Deadlines are told apart to about a millisecond; those within one are in the order in which they came.
const DEADLINE_BITS: u32 = 20;

/// After up to this many refusals a request keeps its place. With each further one it moves half of the way
/// to the end of its class: a request that is always refused must not stand in front for ever.
const KEPT_REFUSALS: u32 = 3;

/// After this many refusals it stands behind all others. Half of the way would never pass a line whose members give up
/// before their turn.
const LAST_KEPT: u32 = 2 * KEPT_REFUSALS;

/// A request without a deadline stands in its class as if it had to go this long after it came. So those with
/// deadlines go first, and cannot hold it back for ever.
const UNHURRIED: Duration = Duration::from_secs(60);

/// The line at the gate.
///
/// A waiter is told that it is its turn ("called") and then takes its slot by polling. Until it
/// does, the slot is kept for it, but not for ever: whoever was called and does not poll (a clone
/// that lost a `select!` and is merely kept) forfeits the call to those behind it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The greatest ticket that was given to one without a deadline. They are even, and those of others odd.
    last: u64,
    /// How many had a deadline.
    deadlines: u64,
    line: Line,
    called: BTreeMap<Spot, Call>,
    /// How many were called so far.
    calls: u64,
    /// No call is much older than this; all may be younger.
    called_since: Duration,
    /// Those who forfeited their call. They may come back, and nobody else may have their place.
    away: BTreeSet<Spot>,
}

/// A slot that is kept for a waiter.
#[derive(Clone, Copy, Debug)]
struct Call {
    /// In nanoseconds.
    at: u64,
    /// Which one it is of all calls.
    number: u64,
}

impl Call {
    fn at(self) -> Duration {
        Duration::from_nanos(self.at)
    }
}

/// In nanoseconds: 292 years are enough.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).map_or(i64::MAX as u64, |nanos| nanos.min(i64::MAX as u64))
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
    /// A ticket behind those of all others without a deadline. Reads no clock.
    #[inline]
    pub(super) fn ticket(&mut self) -> u64 {
        self.last += 2;
        self.last
    }

    /// Where a newcomer stands: behind all of its class who are due before it, or came before it.
    pub(super) fn spot(
        &mut self,
        now: &Now,
        priority: Priority,
        deadline: Option<Duration>,
    ) -> Spot {
        let class = priority.key();
        let Some(deadline) = deadline else {
            // One that was refused may stand behind the last.
            let spot = self.free(class, self.end(now));
            self.last = spot.order.ticket();
            return spot;
        };
        self.deadlines += 1;
        let due = nanos(deadline) >> DEADLINE_BITS << DEADLINE_BITS;
        let nth = (self.deadlines << 1) & ((1 << DEADLINE_BITS) - 1);
        self.free(class, Order::due(due | nth | 1))
    }

    /// Where the next newcomer without a deadline stands in its class, unless somebody stands there.
    pub(super) fn end(&self, now: &Now) -> Order {
        let due = nanos(now.get().saturating_add(UNHURRIED)) & !1;
        Order::due(due.max(self.last + 2))
    }

    /// Where a request stands that had this ticket when it was refused, `refusals` times by now. `None` if it
    /// stands where a newcomer would.
    pub(super) fn former(
        &mut self,
        priority: Priority,
        ticket: u64,
        refusals: u32,
    ) -> Option<Spot> {
        let class = priority.key();
        let order = if refusals <= KEPT_REFUSALS {
            Order::kept(ticket)
        } else if refusals <= LAST_KEPT {
            self.line.half_way(class)?
        } else {
            return None;
        };
        Some(self.free(class, order))
    }

    /// The first place from there on that nobody has.
    fn free(&self, class: ClassKey, order: Order) -> Spot {
        let mut spot = Spot { class, order };
        while self.is_given(spot) {
            spot.order = spot.order.next();
        }
        spot
    }

    fn is_given(&self, spot: Spot) -> bool {
        self.line.contains(spot) || self.called.contains_key(&spot) || self.away.contains(&spot)
    }

    /// How many wait, called or not.
    pub(super) fn len(&self) -> usize {
        self.line.len() + self.called.len()
    }

    /// Who is first of all who wait, called or not.
    pub(super) fn first(&self) -> Option<Spot> {
        let called = self.called.iter().min_by_key(|(_, call)| call.number);
        called.map(|(spot, _)| *spot).or_else(|| self.line.first())
    }

    /// Whether nobody waits to be called.
    pub(super) fn all_called(&self) -> bool {
        self.line.is_empty()
    }

    /// How many slots are kept for those called.
    pub(super) fn called(&self) -> usize {
        self.called.len()
    }

    /// How many go before one who stands at this spot, or would. Those of its class are counted up to `most`.
    pub(super) fn ahead(&self, spot: Spot, most: usize) -> usize {
        let called = self.called.len() - usize::from(self.called.contains_key(&spot));
        called + self.line.ahead(spot, most)
    }

    /// When somebody called may forfeit the call to one who waits.
    pub(super) fn grace_ends(&self) -> Option<Duration> {
        let kept = !self.called.is_empty() && !self.line.is_empty();
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
        self.called.retain(|spot, call| {
            let kept = now.get() < call.at() + GRACE;
            if !kept {
                away.insert(*spot);
            }
            kept
        });
        // All are looked at again a millisecond later at the earliest, as timers are no finer.
        let next = (now.get() + TICK).saturating_sub(GRACE);
        let oldest = self.called.values().map(|call| call.at()).min();
        self.called_since = oldest.unwrap_or_default().max(next);
        self.called.len() < before
    }

    /// Puts a waiter that is being polled into its place. Its waker, if it had one, is left in
    /// `unused`, and it is not woken until it has [another](Queue::keep).
    pub(super) fn enter(&mut self, spot: Spot, unused: &mut Option<Waker>) -> Found {
        if let Some(waker) = self.line.take_waker(spot) {
            *unused = waker;
            return if unused.is_some() {
                Found::Waiting
            } else {
                Found::Woken
            };
        }
        let paid = self.away.remove(&spot) || spot.order.is_kept();
        let fare = if paid { Fare::Paid } else { Fare::Due };
        self.line.insert(spot, fare);
        Found::Outside
    }

    /// Keeps the waker of a waiter that [entered](Queue::enter).
    pub(super) fn keep(&mut self, spot: Spot, waker: Waker) {
        self.line.keep(spot, waker);
    }

    /// Calls the next `slots` of the line.
    pub(super) fn call(&mut self, now: &Now, slots: usize, wakes: &mut Wakes) {
        if self.called.is_empty() {
            self.called_since = now.get();
        }
        for _ in 0..slots {
            let Some((spot, waker)) = self.line.pop_first() else {
                break;
            };
            self.calls += 1;
            let call = Call {
                at: nanos(now.get()),
                number: self.calls,
            };
            self.called.insert(spot, call);
            wakes.extend(waker);
        }
    }

    /// Wakes the last `count` of those not called that were not woken yet.
    pub(super) fn alert(&mut self, count: usize, wakes: &mut Wakes) {
        self.line.alert(count, wakes);
    }

    /// Whether this waiter was called, and has not come yet.
    pub(super) fn is_called(&self, spot: Spot) -> bool {
        self.called.contains_key(&spot)
    }

    /// Who was called last, and has not come yet.
    #[cfg(test)]
    pub(super) fn last_called(&self) -> Option<Spot> {
        let last = self.called.iter().max_by_key(|(_, call)| call.number);
        last.map(|(spot, _)| *spot)
    }

    /// Takes a waiter's call, if it was called and is among the first `slots` who were: there may be less room
    /// now than then. The others wait again. It is the order of the calls that counts: one of a higher class
    /// that is called later does not void a call.
    pub(super) fn claim(&mut self, spot: Spot, slots: usize) -> bool {
        if self.called.len() > slots {
            let mut numbers: Vec<_> = self.called.values().map(|call| call.number).collect();
            let first_void = *numbers.select_nth_unstable(slots).1;
            let line = &mut self.line;
            self.called.retain(|spot, call| {
                let kept = call.number < first_void;
                if !kept {
                    line.insert(*spot, Fare::Paid);
                }
                kept
            });
        }
        self.called.remove(&spot).is_some()
    }

    /// Ends the line: all are woken, and none has a place any more.
    pub(super) fn close(&mut self, wakes: &mut Wakes) {
        self.line.close(wakes);
        self.called.clear();
        self.away.clear();
    }

    /// Strikes a waiter from the line.
    pub(super) fn remove(&mut self, spot: Spot, wakes: &mut Wakes) {
        self.called.remove(&spot);
        self.away.remove(&spot);
        if let Some(Some(waker)) = self.line.remove(spot) {
            wakes.discard(waker);
        }
    }
}
