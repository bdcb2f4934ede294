//! The gate's data, and the arithmetic on it.

use std::task::Waker;
use std::time::Duration;

use super::alarm::{Alarm, Alarms};
use super::pause::Pause;
use super::queue::Queue;
use super::wakes::Wakes;
use crate::concurrency::limit::{
    DEFAULT_MAX, DEFAULT_MIN, Headroom, Limit, Load, Now, Outcome, Sent,
};
use crate::concurrency::snapshot::Snapshot;
use crate::hint::Hint;

/// How often a waiter lets the executor run before it takes a slot kept for somebody else.
const PATIENCE: u8 = 2;

/// How many more than those called are woken when no request is in flight, so that no release is
/// to come that would wake others: some of the first in line may never poll again.
const HEIRS: usize = 16;

/// No waiter has this number.
const NOBODY: (u64, u8) = (u64::MAX, 0);

/// Everything the gate knows.
#[derive(Debug)]
pub(in crate::concurrency) struct State {
    limit: Box<dyn Limit>,
    bounds: (usize, usize),
    in_flight: usize,
    /// How many requests were let through.
    seq: u64,
    accepted: u64,
    refused: u64,
    pause: Pause,
    queue: Queue,
    alarms: Alarms,
    /// Counts the changes, for those that watch.
    pub(in crate::concurrency) version: u64,
    pub(in crate::concurrency) watchers: usize,
}

/// A place in the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) id: u64,
    /// The called waiter that this one has made way for, and how often.
    made_way: (u64, u8),
}

/// What a poll at the gate came to.
#[derive(Debug)]
pub(super) enum Pass {
    /// Through, with what was noted.
    Granted(Sent),
    /// Not yet; the caller must set this alarm.
    Pending(Option<Alarm>),
}

impl State {
    pub(super) fn new(limit: Box<dyn Limit>) -> Self {
        Self {
            limit,
            bounds: (DEFAULT_MIN, DEFAULT_MAX),
            in_flight: 0,
            seq: 0,
            accepted: 0,
            refused: 0,
            pause: Pause::default(),
            queue: Queue::default(),
            alarms: Alarms::default(),
            version: 0,
            watchers: 0,
        }
    }

    #[inline]
    fn load(&self) -> Load {
        Load {
            in_flight: self.in_flight,
            waiting: self.queue.len(),
        }
    }

    /// How many more may go now, whoever they are, and when time alone will let one more go.
    #[inline]
    fn headroom(&mut self, now: &Now) -> Headroom {
        if self.pause.is_set() {
            if let Some(until) = self.pause.until(now) {
                return Headroom {
                    slots: 0,
                    opens_at: Some(until),
                };
            }
            self.version += u64::from(self.pause.expire(now));
        }
        self.limit.headroom(now, self.load())
    }

    /// Lets one request through that did not wait, if nobody has to be asked.
    #[inline]
    pub(super) fn pass(&mut self, now: &Now) -> Option<Sent> {
        let free = self.queue.all_called()
            && self.headroom(now).slots.saturating_sub(self.queue.called()) > 0;
        free.then(|| self.grant(now))
    }

    /// A place at the end of the line.
    pub(super) fn queue_up(&mut self) -> Place {
        Place {
            id: self.queue.ticket(),
            made_way: (u64::MAX, 0),
        }
    }

    /// Lets a waiter through if it is its turn.
    pub(super) fn poll(
        &mut self,
        now: &Now,
        place: &mut Place,
        waker: Waker,
        wakes: &mut Wakes,
    ) -> Pass {
        let fresh = self.queue.enter(place.id, wakes);
        self.version += u64::from(fresh);
        let room = self.headroom(now);
        self.call(room, wakes);
        if self.queue.claim(place.id) {
            wakes.discard(waker);
            return self.leave_with_permit(now, place.id, wakes);
        }
        match self.queue.oldest_called() {
            Some(oldest) if fresh && room.slots > 0 => {
                self.make_way(now, place, oldest, waker, wakes)
            }
            _ => {
                self.queue.keep(place.id, waker);
                Pass::Pending(self.alarms.set(now, room, place.id))
            }
        }
    }

    /// Every slot is kept for somebody called who has not come yet. Lets the executor run a little,
    /// so that those who live come; then the first of the others takes the place of one who does
    /// not.
    fn make_way(
        &mut self,
        now: &Now,
        place: &mut Place,
        oldest: u64,
        waker: Waker,
        wakes: &mut Wakes,
    ) -> Pass {
        let (id, times) = place.made_way;
        let times = if id == oldest { times } else { 0 };
        if times < PATIENCE {
            place.made_way = (oldest, times + 1);
            wakes.extend(Some(waker));
            return Pass::Pending(None);
        }
        place.made_way = NOBODY;
        if self.queue.is_preceded(place.id) {
            self.queue.keep(place.id, waker);
            self.alert(wakes);
            return Pass::Pending(None);
        }
        wakes.discard(waker);
        self.queue.remove(oldest, wakes);
        let pass = self.leave_with_permit(now, place.id, wakes);
        self.alert(wakes);
        pass
    }

    fn leave_with_permit(&mut self, now: &Now, id: u64, wakes: &mut Wakes) -> Pass {
        self.leave(id, wakes);
        let sent = self.grant(now);
        self.settle(now, wakes);
        Pass::Granted(sent)
    }

    /// Strikes a waiter from the line.
    fn leave(&mut self, id: u64, wakes: &mut Wakes) {
        self.queue.remove(id, wakes);
        self.alarms.left(id);
    }

    #[inline]
    fn grant(&mut self, now: &Now) -> Sent {
        let seq = self.seq;
        self.seq += 1;
        self.in_flight += 1;
        self.version += 1;
        let load = self.load();
        self.limit.on_send(now, load);
        Sent {
            seq,
            // The time itself follows when the request is sent.
            at: self.limit.wants_time(seq, load).then_some(Duration::ZERO),
            in_flight: self.in_flight,
        }
    }

    /// A waiter gave up.
    pub(super) fn give_up(&mut self, now: &Now, id: u64, wakes: &mut Wakes) {
        self.version += 1;
        self.leave(id, wakes);
        self.settle(now, wakes);
        if self.queue.called() > 0 {
            // It may have been the one that was making way for a called waiter that never comes.
            self.alert(wakes);
        }
    }

    /// A request's end; its permit comes back with it or is returned later.
    #[inline]
    pub(super) fn report(
        &mut self,
        now: &Now,
        sent: &Sent,
        outcome: Outcome<'_>,
        returned: bool,
        wakes: &mut Wakes,
    ) {
        self.version += 1;
        if returned {
            self.in_flight -= 1;
        }
        match outcome {
            Outcome::Accepted(_) => self.accepted += 1,
            Outcome::Refused { .. } => self.refused += 1,
            Outcome::Failed | Outcome::Ignored => {}
        }
        self.limit.on_outcome(now, sent, outcome, self.load());
        if let Outcome::Refused { hint, .. } = outcome {
            self.pause_for(now, hint);
        }
        self.settle(now, wakes);
    }

    /// A permit comes back after its request's outcome did.
    #[inline]
    pub(super) fn release(&mut self, now: &Now, wakes: &mut Wakes) {
        self.version += 1;
        self.in_flight -= 1;
        self.settle(now, wakes);
    }

    /// Pauses as long as the limit takes from what a refusal said.
    pub(in crate::concurrency) fn pause_for(&mut self, now: &Now, hint: &Hint) {
        if let Some(wait) = self.limit.pause_for(now, hint) {
            self.pause.ask(now, wait);
            self.version += 1;
        }
    }

    /// Lets nobody through for at least `wait`.
    pub(in crate::concurrency) fn pause(&mut self, now: &Now, wait: Duration) {
        self.pause.begin(now, wait);
        self.version += 1;
    }

    /// Ends a pause.
    pub(in crate::concurrency) fn resume(&mut self) {
        self.pause.end();
        self.version += 1;
    }

    pub(in crate::concurrency) fn set_max_pause(&mut self, max: Duration) {
        self.pause.set_max(max);
        self.limit.set_max_wait(max);
    }

    pub(in crate::concurrency) fn set_limit(&mut self, now: &Now, limit: usize, wakes: &mut Wakes) {
        self.limit.set_limit(limit);
        self.version += 1;
        self.settle(now, wakes);
    }

    pub(in crate::concurrency) fn set_bounds(
        &mut self,
        now: &Now,
        change: impl FnOnce(usize, usize) -> (usize, usize),
        wakes: &mut Wakes,
    ) {
        self.bounds = change(self.bounds.0, self.bounds.1);
        self.limit.set_bounds(self.bounds.0, self.bounds.1);
        self.version += 1;
        self.settle(now, wakes);
    }

    /// The alarm rang, or was lost with its runtime.
    pub(super) fn ring(&mut self, now: &Now, wakes: &mut Wakes) {
        self.alarms.rang();
        self.settle(now, wakes);
    }

    /// Calls as many waiters as there is room for, and sees to it that somebody sets the alarm that
    /// is needed. To be done after every change.
    #[inline]
    pub(in crate::concurrency) fn settle(&mut self, now: &Now, wakes: &mut Wakes) {
        if !self.queue.all_called() {
            self.let_through(now, wakes);
        }
    }

    fn let_through(&mut self, now: &Now, wakes: &mut Wakes) {
        let room = self.headroom(now);
        if !self.call(room, wakes) && self.alarms.is_due(room) {
            self.alert(wakes);
        }
    }

    /// Calls as many waiters as there is room for, if there is.
    fn call(&mut self, room: Headroom, wakes: &mut Wakes) -> bool {
        let free = room.slots.saturating_sub(self.queue.called());
        if free == 0 || self.queue.all_called() {
            return false;
        }
        self.queue.call(free, wakes);
        // After those called, so that an executor runs them in the order of the line. One that runs
        // the last woken first loses a little time: an heir makes way.
        self.alert(wakes);
        true
    }

    /// Wakes the next in line besides those called: more of them, the fewer releases are to come.
    fn alert(&mut self, wakes: &mut Wakes) {
        self.queue
            .alert((HEIRS / (1 + self.in_flight)).max(1), wakes);
    }

    /// Whether this is the alarm that counts.
    pub(super) fn expects(&self, alarm: Alarm) -> bool {
        self.alarms.expects(alarm)
    }

    pub(in crate::concurrency) fn snapshot(&mut self, now: &Now) -> Snapshot {
        self.version += u64::from(self.pause.expire(now));
        Snapshot {
            limit: self.limit.limit(),
            rate: self.limit.rate(),
            in_flight: self.in_flight,
            waiting: self.queue.len(),
            pause_remaining: self.pause.until(now).map(|until| until - now.get()),
            accepted: self.accepted,
            refused: self.refused,
        }
    }
}
