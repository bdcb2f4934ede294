//! The gate's data, and the arithmetic on it.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use tokio::runtime::Id;

use super::alarm::{Alarm, Alarms, NO_WAITER};
use super::bodies::{Bodies, LastPoll};
use super::flow::Flow;
use super::grant::{Granted, Watched};
use super::line::Spot;
use super::observed::Observed;
use super::pause::Pause;
use super::queue::Queue;
use super::wakes::Wakes;
use crate::concurrency::limit::{
    DEFAULT_MAX, DEFAULT_MIN, Fixed, Headroom, Limit, Load, Now, Outcome, Reason, Sent,
};
use crate::concurrency::snapshot::Snapshot;
use crate::cost::Cost;
use crate::hint::Hint;
use crate::observe::{By, Event};

/// Everything the gate knows.
#[derive(Debug)]
pub(in crate::concurrency) struct State {
    pub(super) limit: Box<dyn Limit>,
    bounds: (usize, usize),
    /// The limit to start with.
    pub(super) initial: u32,
    /// Whether it began with what another gate has learned.
    pub(in crate::concurrency) resumed: bool,
    pub(super) in_flight: usize,
    /// How many requests were let through.
    seq: u64,
    accepted: u64,
    refused: u64,
    pub(super) pause: Pause,
    /// Since when time, and not the number in flight, has let none of those in line go.
    pub(super) held_since: Option<Duration>,
    /// When time alone lets one of those in line go, as was last heard.
    pub(super) opens_at: Option<Duration>,
    pub(super) queue: Queue,
    /// What those in line cost who told it.
    pub(super) announced: BTreeMap<Spot, Cost>,
    /// Of those who waited, once somebody did.
    pub(super) flow: Option<Box<Flow>>,
    pub(super) alarms: Alarms,
    bodies: Bodies,
    /// Counts the changes, for those that watch.
    pub(in crate::concurrency) version: u64,
    pub(in crate::concurrency) watchers: usize,
    /// What observers are to be told, if there are any.
    pub(super) observed: Option<Box<Observed>>,
}

impl State {
    pub(super) fn new(limit: Box<dyn Limit>) -> Self {
        Self {
            initial: limit.limit().try_into().unwrap_or(u32::MAX),
            resumed: false,
            limit,
            bounds: (DEFAULT_MIN, DEFAULT_MAX),
            in_flight: 0,
            seq: 0,
            accepted: 0,
            refused: 0,
            pause: Pause::default(),
            held_since: None,
            opens_at: None,
            queue: Queue::default(),
            announced: BTreeMap::new(),
            flow: None,
            alarms: Alarms::default(),
            bodies: Bodies::default(),
            version: 0,
            watchers: 0,
            observed: None,
        }
    }

    #[inline]
    fn load(&self) -> Load {
        Load {
            in_flight: self.in_flight,
            waiting: self.queue.len(),
        }
    }

    /// What the first in line costs, if it told that.
    #[inline]
    fn next_cost(&self) -> Option<Cost> {
        if self.announced.is_empty() {
            return None;
        }
        self.announced.get(&self.queue.first()?).copied()
    }

    /// How many more may go now, and when time alone will let one more go.
    #[inline]
    pub(super) fn headroom(&mut self, now: &Now) -> Headroom {
        let room = self.headroom_under(now, self.next_cost());
        self.compare(None);
        room
    }

    #[inline]
    fn headroom_under(&mut self, now: &Now, next: Option<Cost>) -> Headroom {
        if self.pause.is_set() {
            if let Some(until) = self.pause.until(now) {
                return Headroom {
                    slots: 0,
                    opens_at: Some(until),
                };
            }
            self.expire_pause(now);
        }
        let load = self.load();
        let mut room = match &next {
            None => self.limit.headroom(now, load),
            Some(next) => self.limit.headroom_for(now, load, next),
        };
        // One that has no room now, and says that it opens now, would be asked again for ever.
        if let (0, Some(at)) = (room.slots, &mut room.opens_at) {
            *at = (*at).max(now.get() + Duration::from_micros(1));
        }
        room
    }

    /// Forgets a pause that is over.
    fn expire_pause(&mut self, now: &Now) {
        if self.pause.expire(now) {
            self.version += 1;
            self.happened(|| Event::Resumed { by: By::Time });
        }
    }

    /// Lets one request through that did not wait, if nobody has to be asked.
    #[inline]
    pub(super) fn pass(&mut self, now: &Now, cost: Option<Cost>) -> Option<Granted> {
        if !self.queue.all_called() {
            return None;
        }
        // Room is given for the cost of one request, and those called come first.
        if cost.is_some() && self.queue.called() > 0 {
            return None;
        }
        let room = self.headroom_under(now, cost.or_else(|| self.next_cost()));
        let free = room.slots.saturating_sub(self.queue.called()) > 0;
        free.then(|| Granted {
            sent: self.grant(now, cost),
            ticket: self.queue.ticket(),
            watched: Watched::default(),
        })
    }

    #[inline]
    pub(super) fn grant(&mut self, now: &Now, cost: Option<Cost>) -> Sent {
        let seq = self.seq;
        self.seq += 1;
        self.in_flight += 1;
        self.version += 1;
        self.held_since = None;
        let load = self.load();
        let mut sent = Sent::new(seq, None, self.in_flight);
        sent.cost = cost;
        self.limit.on_send(now, &sent, load);
        self.compare(None);
        // The time itself follows when the request is sent.
        sent.at = self.limit.wants_time(seq, load).then_some(Duration::ZERO);
        sent
    }

    /// The cost of a request that was let through is known, or is another.
    pub(super) fn charge(&mut self, now: &Now, sent: &mut Sent, cost: Cost, wakes: &mut Wakes) {
        self.limit.on_cost(now, sent, cost);
        self.compare(None);
        sent.cost = Some(cost);
        self.settle(now, wakes);
    }

    /// A request's end; its permit comes back with it or is returned later.
    #[inline]
    pub(super) fn report(
        &mut self,
        now: &Now,
        sent: &Sent,
        watched: Watched,
        outcome: Outcome<'_>,
        returned: bool,
        wakes: &mut Wakes,
    ) {
        self.version += 1;
        self.ended(watched, outcome);
        if returned {
            self.in_flight -= 1;
            self.released(1);
        }
        match outcome {
            Outcome::Accepted(_) => self.accepted += 1,
            Outcome::Refused { .. } => self.refused += 1,
            Outcome::Failed | Outcome::Ignored => {}
        }
        self.limit.on_outcome(now, sent, outcome, self.load());
        self.compare(None);
        if let Outcome::Refused { hint, .. } = outcome {
            self.pause_for(now, hint);
        }
        self.settle(now, wakes);
    }

    /// A request's end, while its answer's body is still coming: the body keeps the permit. Whoever
    /// reports that is to set the alarm that those who wait need for it, if it is in a `runtime`: then
    /// nobody has to be woken to do it.
    pub(super) fn report_head(
        &mut self,
        now: &Now,
        sent: &Sent,
        watched: Watched,
        outcome: Outcome<'_>,
        runtime: Option<Id>,
        wakes: &mut Wakes,
    ) -> (Option<LastPoll>, Option<Alarm>) {
        let last_poll = self.bodies.hold(now, sent.seq);
        let due = self
            .reclaims_at()
            .filter(|at| self.alarms.is_due(*at) && !self.queue.all_called());
        let alarm = due
            .filter(|_| runtime.is_some())
            .and_then(|at| self.alarms.set(now, at, NO_WAITER, runtime));
        self.report(now, sent, watched, outcome, false, wakes);
        (last_poll, alarm)
    }

    /// A body that kept a permit is gone. If it `may_be_late`, the permit may have been taken from it.
    pub(super) fn release(&mut self, now: &Now, seq: u64, may_be_late: bool, wakes: &mut Wakes) {
        if may_be_late && !self.bodies.end(seq) {
            return;
        }
        self.version += 1;
        self.in_flight -= 1;
        self.released(1);
        self.settle(now, wakes);
    }

    /// How many may be in flight.
    pub(super) fn limit(&self) -> usize {
        self.limit.limit()
    }

    /// The pace that is kept, in requests per second.
    pub(super) fn pace(&self) -> Option<f64> {
        self.limit.rate().filter(|rate| *rate > 0.0)
    }

    /// Whether those who wait wait for one in flight to end.
    pub(super) fn is_full(&self) -> bool {
        self.in_flight >= self.limit.limit() && !self.pause.is_set()
    }

    /// Takes the permits of bodies that nobody reads, if others wait for them. Whether there was one.
    pub(super) fn reclaim(&mut self, now: &Now) -> bool {
        self.is_full() && self.sweep(now)
    }

    /// The same, whether others wait or not.
    pub(super) fn sweep(&mut self, now: &Now) -> bool {
        let freed = self.bodies.sweep(now);
        self.in_flight -= freed;
        self.released(freed);
        self.version += u64::from(freed > 0);
        freed > 0
    }

    /// When a body may have to give its permit to those who wait, at the earliest.
    pub(super) fn reclaims_at(&self) -> Option<Duration> {
        self.next_sweep().filter(|_| self.is_full())
    }

    pub(super) fn next_sweep(&self) -> Option<Duration> {
        self.bodies.next_sweep()
    }

    /// The body of a refusal says more than its head.
    pub(super) fn refine(&mut self, now: &Now, sent: &Sent, hint: &Hint) {
        self.limit.on_refined(now, sent, hint);
        self.compare(None);
    }

    /// Pauses as long as the limit takes from what a refusal said.
    pub(in crate::concurrency) fn pause_for(&mut self, now: &Now, hint: &Hint) {
        if let Some(wait) = self.limit.pause_for(now, hint) {
            let former = self.pause.ends_at();
            self.pause.ask(now, wait);
            self.version += 1;
            self.paused(now, former, By::Server);
        }
    }

    /// Lets nobody through for at least `wait`.
    pub(in crate::concurrency) fn pause(&mut self, now: &Now, wait: Duration) {
        let former = self.pause.ends_at();
        self.pause.begin(now, wait);
        self.version += 1;
        self.paused(now, former, By::Handle);
    }

    /// Ends a pause.
    pub(in crate::concurrency) fn resume(&mut self) {
        if self.pause.is_set() {
            self.happened(|| Event::Resumed { by: By::Handle });
        }
        self.pause.end();
        self.version += 1;
    }

    /// Puts something around the limit.
    pub(in crate::concurrency) fn wrap_limit(
        &mut self,
        wrap: impl FnOnce(Box<dyn Limit>) -> Box<dyn Limit>,
    ) {
        let limit = mem::replace(&mut self.limit, Box::new(Fixed::new(1)));
        self.limit = wrap(limit);
    }

    pub(in crate::concurrency) fn set_max_pause(&mut self, max: Duration) {
        self.pause.set_max(max);
        self.limit.set_max_wait(max);
    }

    pub(in crate::concurrency) fn set_seed(&mut self, seed: u64) {
        self.pause.set_seed(seed);
        self.limit.set_seed(seed);
    }

    /// Sets after how long a body that is not polled counts as not read.
    pub(in crate::concurrency) fn set_body_idle(&mut self, idle: Duration) {
        self.bodies.set_idle(idle);
    }

    pub(in crate::concurrency) fn set_limit(&mut self, now: &Now, limit: usize, wakes: &mut Wakes) {
        self.limit.set_limit(limit);
        self.compare(Some(Reason::Set));
        self.version += 1;
        self.settle(now, wakes);
    }

    /// More of a limit that others share is this gate's, or less.
    pub(in crate::concurrency) fn shift(
        &mut self,
        now: &Now,
        places: isize,
        rate: f64,
        wakes: &mut Wakes,
    ) {
        self.limit.shift(now, places, rate);
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
        self.compare(Some(Reason::Set));
        self.version += 1;
        self.settle(now, wakes);
    }

    pub(in crate::concurrency) fn snapshot(&mut self, now: &Now) -> Snapshot {
        self.expire_pause(now);
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
