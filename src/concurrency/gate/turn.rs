//! Whose turn it is.

use std::task::Waker;
use std::time::Duration;

use tokio::runtime::Id;

use super::alarm::Alarm;
use super::grant::{Granted, Pass, Watched};
use super::line::Spot;
use super::queue::{Found, Queue};
use super::state::State;
use super::wakes::Wakes;
use crate::ask::Ask;
use crate::concurrency::limit::{Headroom, Now};
use crate::cost::Cost;

/// How many are woken to set the alarm when no request is in flight, so that no release is to come
/// that would wake others: some of those in line may never poll again. If all of these are such,
/// and all that were called are, those behind wait until somebody new comes.
const ALERTED: usize = 16;

impl State {
    /// A place in the line: at the end of its class, or where a request that was refused stood before.
    pub(super) fn queue_up(
        &mut self,
        now: &Now,
        ask: &Ask,
        former: Option<u64>,
        deadline: Option<Duration>,
    ) -> Spot {
        let priority = ask.priority.unwrap_or_default();
        former
            .and_then(|ticket| self.queue.former(priority, ticket, ask.refusals))
            .unwrap_or_else(|| self.queue.spot(now, priority, deadline))
    }

    /// Who stands there told what the request costs.
    pub(super) fn announce(&mut self, spot: Spot, cost: Cost) {
        self.announced.insert(spot, cost);
    }

    /// Lets a waiter through if it is its turn. Takes its `waker` if it is not, and leaves there
    /// what is to be dropped without the lock.
    pub(super) fn poll(
        &mut self,
        now: &Now,
        spot: Spot,
        runtime: Option<Id>,
        waker: &mut Option<Waker>,
        wakes: &mut Wakes,
    ) -> Pass {
        if self.queue.is_called(spot) && self.claim(now, spot) {
            return self.let_in(now, spot, wakes);
        }
        self.revoke(now);
        let mut unused = None;
        let found = self.queue.enter(spot, &mut unused);
        if found == Found::Outside {
            self.version += 1;
            self.flow.get_or_insert_default().on_wait(now);
        }
        // Asked with this one in the line: a limit may grow, or open by time, only for those who wait.
        let room = self.room(now);
        self.call(now, room, wakes);
        if self.queue.claim(spot, room.slots) {
            return self.let_in(now, spot, wakes);
        }
        if let Some(waker) = waker.take() {
            self.queue.keep(spot, waker);
        }
        *waker = unused;
        let at = self.due(room);
        // It was woken to set the alarm. If those called have come meanwhile, the alarm is for those
        // who are called next: under load nobody has to be woken for each of them.
        let at = at.or_else(|| (found == Found::Woken).then(|| Queue::grace_from(now)));
        Pass::Pending(at.and_then(|at| self.alarms.set(now, at, spot.order.ticket(), runtime)))
    }

    /// What there is room for, when somebody waits for it.
    fn room(&mut self, now: &Now) -> Headroom {
        let room = self.room_now(now);
        self.opens_at = room.opens_at.filter(|_| room.slots == 0);
        room
    }

    fn room_now(&mut self, now: &Now) -> Headroom {
        let mut room = self.headroom(now);
        if room.slots == 0 && self.reclaim(now) {
            room = self.headroom(now);
        }
        if room.slots > 0 || self.is_full() {
            self.held_since = None;
            return room;
        }
        self.bounded(now, room)
    }

    /// Time alone holds the line back for no longer than the longest pause, whatever the limit says; then
    /// one goes. A pause in force is somebody's word, and its time counts.
    fn bounded(&mut self, now: &Now, mut room: Headroom) -> Headroom {
        let since = *self.held_since.get_or_insert_with(|| now.get());
        if self.pause.is_set() {
            return room;
        }
        let ends = since.saturating_add(self.pause.max());
        if now.get() >= ends {
            return Headroom {
                slots: 1,
                opens_at: None,
            };
        }
        room.opens_at = Some(room.opens_at.map_or(ends, |at| at.min(ends)));
        room
    }

    /// Takes the call of a waiter, if there is still room for it.
    fn claim(&mut self, now: &Now, spot: Spot) -> bool {
        let slots = self.room(now).slots;
        self.queue.claim(spot, slots)
    }

    fn let_in(&mut self, now: &Now, spot: Spot, wakes: &mut Wakes) -> Pass {
        let ticket = spot.order.ticket();
        self.alarms.left(ticket);
        let limit = self.limit();
        self.flow.get_or_insert_default().on_grant(now, limit);
        self.mark_idle(now);
        let cost = self.announced.remove(&spot);
        let sent = self.grant(now, cost);
        self.settle(now, wakes);
        Pass::Granted(Granted {
            sent,
            ticket,
            watched: Watched::default(),
        })
    }

    /// The line's speed is measured only while somebody waits.
    fn mark_idle(&mut self, now: &Now) {
        if self.queue.len() == 0 {
            self.opens_at = None;
            if let Some(flow) = &mut self.flow {
                flow.on_idle(now);
            }
        }
    }

    /// Lets all who wait out.
    pub(super) fn close(&mut self, wakes: &mut Wakes) {
        self.version += 1;
        self.held_since = None;
        self.queue.close(wakes);
        self.announced.clear();
    }

    /// Whether nothing is in flight and nobody waits. If not, when a body that is not read is to be looked
    /// for again: it is not waited for.
    pub(in crate::concurrency) fn drained(
        &mut self,
        now: &Now,
        wakes: &mut Wakes,
    ) -> Result<(), Option<Duration>> {
        if self.sweep(now) {
            self.settle(now, wakes);
        }
        if self.in_flight == 0 && self.queue.len() == 0 {
            return Ok(());
        }
        Err(self.next_sweep())
    }

    /// A waiter gave up.
    pub(super) fn give_up(&mut self, now: &Now, spot: Spot, wakes: &mut Wakes) {
        self.version += 1;
        self.queue.remove(spot, wakes);
        self.announced.remove(&spot);
        if self.queue.len() == 0 {
            self.held_since = None;
        }
        self.mark_idle(now);
        self.alarms.left(spot.order.ticket());
        self.settle(now, wakes);
    }

    /// An alarm rang, or was lost with its runtime.
    pub(super) fn ring(&mut self, now: &Now, alarm: Alarm, wakes: &mut Wakes) {
        self.alarms.rang(alarm);
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
        self.revoke(now);
        self.alarms.forget_late(now);
        let room = self.room(now);
        self.call(now, room, wakes);
        if self.due(room).is_some_and(|at| self.alarms.is_due(at)) {
            // The more of them, the fewer releases are to come.
            let count = (ALERTED / (1 + self.in_flight)).max(1);
            self.queue.alert(count, wakes);
        }
    }

    /// Voids the calls of those who did not come.
    fn revoke(&mut self, now: &Now) {
        if self.queue.expire(now) {
            self.version += 1;
            self.mark_idle(now);
        }
    }

    /// Calls as many waiters as there is room for.
    fn call(&mut self, now: &Now, room: Headroom, wakes: &mut Wakes) {
        let free = room.slots.saturating_sub(self.queue.called());
        self.queue.call(now, free, wakes);
    }

    /// When time alone changes something for those who wait: a slot opens, a body that is not read
    /// loses one, or somebody called forfeits one.
    fn due(&self, room: Headroom) -> Option<Duration> {
        let full = room.slots == 0;
        let opens_at = room.opens_at.filter(|_| full);
        let reclaims_at = self.reclaims_at().filter(|_| full);
        let times = [opens_at, reclaims_at, self.queue.grace_ends()];
        times.into_iter().flatten().min()
    }
}
