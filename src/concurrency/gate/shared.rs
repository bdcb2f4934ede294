//! The gate itself: one lock around plain data, and the timers beside it.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use std::{fmt, mem};

#[cfg(all(test, throttle_loom))]
use loom::sync::{Mutex, MutexGuard, atomic::AtomicBool};
#[cfg(not(all(test, throttle_loom)))]
use std::sync::{Mutex, MutexGuard, atomic::AtomicBool};
use tokio::sync::{Notify, futures::Notified};
use tokio::time::Instant;

use super::alarm::Alarm;
use super::grant::{Granted, Pass, Stage, Waiting};
use super::observed::Events;
use super::state::State;
use super::time::{self, Sleep};
use super::wakes::Wakes;
use crate::ask;
use crate::concurrency::limit::{Limit, Now, Outcome, Sent};
use crate::hint::Hint;
use crate::observe::Observers;

/// Decides who may go, and when. Shared by all that one layer wraps.
pub(crate) struct Gate {
    /// Tells this gate from all others.
    pub(super) id: usize,
    epoch: Instant,
    /// Held for arithmetic only: never while a waker or anything else foreign runs.
    state: Mutex<State>,
    /// The timers for what time alone opens, kept alive here for whoever waits. May be locked before
    /// the state, never after it.
    timers: Mutex<Vec<(Alarm, Pin<Box<Sleep>>)>>,
    /// For what the timers wake: the gate, which then calls whoever is first, not whoever set it.
    this: Weak<Self>,
    changed: Notify,
    /// Nobody is sent any more. Set under the lock.
    closed: AtomicBool,
    /// Who is told what happens. `None` if nobody is.
    observers: Option<Box<Observers>>,
}

impl Gate {
    pub(crate) fn new(limit: Box<dyn Limit>) -> Arc<Self> {
        Self::observed(limit, None)
    }

    /// A gate that tells these observers what happens, once its state is told to [observe](State::observe).
    pub(in crate::concurrency) fn observed(
        limit: Box<dyn Limit>,
        observers: Option<Observers>,
    ) -> Arc<Self> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        Arc::new_cyclic(|gate| Self {
            id: MADE.fetch_add(1, Ordering::Relaxed),
            epoch: Instant::now(),
            state: Mutex::new(State::new(limit)),
            timers: Mutex::new(Vec::new()),
            this: gate.clone(),
            changed: Notify::new(),
            closed: AtomicBool::new(false),
            observers: observers.map(Box::new),
        })
    }

    #[inline]
    pub(in crate::concurrency) fn now(&self) -> Now {
        time::now(self.epoch)
    }

    /// The moment that is this long after the gate was made.
    pub(super) fn instant(&self, since_start: Duration) -> Instant {
        self.epoch + since_start
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, then runs what must not run under the lock.
    pub(in crate::concurrency) fn with<T>(
        &self,
        change: impl FnOnce(&mut State, &Now, &mut Wakes) -> T,
    ) -> T {
        self.with_hint(None, change)
    }

    /// The same, when a request ended with this outcome.
    pub(super) fn with_outcome<T>(
        &self,
        outcome: Outcome<'_>,
        change: impl FnOnce(&mut State, &Now, &mut Wakes) -> T,
    ) -> T {
        let hint = match outcome {
            Outcome::Refused { hint, .. } => Some(hint),
            _ => None,
        };
        self.with_hint(hint, change)
    }

    #[inline]
    fn with_hint<T>(
        &self,
        hint: Option<&Hint>,
        change: impl FnOnce(&mut State, &Now, &mut Wakes) -> T,
    ) -> T {
        let now = self.now();
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        let version = state.version;
        let result = change(&mut state, &now, &mut wakes);
        let tell = state.watchers > 0 && state.version != version;
        let events = state.take_events();
        drop(state);
        if !wakes.is_empty() {
            wakes.run();
        }
        if tell {
            self.changed.notify_waiters();
        }
        self.publish(events.as_ref(), hint);
        result
    }

    /// Tells the observers. No lock is held.
    #[inline]
    fn publish(&self, events: Option<&Events>, hint: Option<&Hint>) {
        if let (Some(events), Some(observers)) = (events, &self.observers) {
            events.tell(observers, hint);
        }
    }

    /// Whether somebody is told what happens.
    #[inline]
    pub(super) fn is_observed(&self) -> bool {
        self.observers.is_some()
    }

    /// Lets a request through at once, or not. Wakes no waiter, so there is nothing to run after.
    pub(super) fn pass(&self) -> Option<Granted> {
        let now = self.now();
        let mut state = self.lock();
        let mut granted = state.pass(&now, ask::known_cost());
        if let Some(granted) = granted.as_mut().filter(|_| self.is_observed()) {
            granted.watched = state.admitted(&now, &ask::current(), None);
        }
        let tell = state.watchers > 0;
        let events = state.take_events();
        drop(state);
        if tell {
            self.changed.notify_waiters();
        }
        self.publish(events.as_ref(), None);
        granted
    }

    /// Sends nobody any more, and lets all who wait out.
    pub(in crate::concurrency) fn close(&self) {
        self.with(|state, _, wakes| {
            self.closed.store(true, Ordering::Release);
            state.close(wakes);
        });
    }

    #[inline]
    pub(in crate::concurrency) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Lets a waiter through when it is its turn, or out with nothing when the gate is closed.
    pub(super) fn poll_wait(&self, stage: &mut Stage, cx: &Context<'_>) -> Poll<()> {
        let mut waker = Some(cx.waker().clone());
        let runtime = time::runtime();
        let pass = self.with(|state, now, wakes| {
            if self.is_closed() {
                return Pass::Closed;
            }
            let ask = ask::current();
            let since_epoch = |at: Instant| at.saturating_duration_since(self.epoch);
            let deadline = ask.deadline.map(since_epoch);
            let Waiting { spot, since } = if let Stage::Waiting(waiting) = *stage {
                waiting
            } else {
                let former = ask.place.filter(|place| place.gate == self.id);
                let spot = state.queue_up(now, &ask, former.map(|place| place.ticket), deadline);
                if let Some(cost) = ask.known_cost() {
                    state.announce(spot, cost);
                }
                let since = self.is_observed().then(|| now.get());
                let waiting = Waiting { spot, since };
                *stage = Stage::Waiting(waiting);
                waiting
            };
            let mut pass = state.poll(now, spot, runtime, &mut waker, wakes);
            if let Pass::Granted(granted) = &mut pass {
                granted.watched = state.admitted(now, &ask, since);
            }
            if matches!(pass, Pass::Pending(_)) && (ask.count || deadline.is_some()) {
                ask::reply(state.reply(now, spot, deadline, ask.count));
            }
            pass
        });
        match pass {
            Pass::Granted(granted) => {
                *stage = Stage::Granted(granted);
                Poll::Ready(())
            }
            Pass::Closed => {
                *stage = Stage::New;
                Poll::Ready(())
            }
            Pass::Pending(alarm) => {
                if let Some(alarm) = alarm {
                    self.set(alarm, cx);
                }
                Poll::Pending
            }
        }
    }

    /// Starts the timer in the runtime of the waiter that is being polled.
    ///
    /// Always a new one: the runtime of the old one may be gone, and a timer of it panics when it is
    /// polled.
    pub(super) fn set(&self, alarm: Alarm, cx: &Context<'_>) {
        let gate = self.this.clone();
        let bell = Waker::from(Arc::new(Bell { gate, alarm }));
        let mut sleep = Box::pin(time::sleep(self.epoch, alarm.at));
        let rang = sleep
            .as_mut()
            .poll(&mut Context::from_waker(&bell))
            .is_ready();
        let mut timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.lock();
        let expected = state.alarms.expects(alarm);
        if expected {
            timers.push((alarm, sleep));
        }
        let counts = |timer: &(Alarm, _)| state.alarms.expects(timer.0);
        let (kept, over) = mem::take(&mut *timers).into_iter().partition(counts);
        *timers = kept;
        drop(state);
        drop(timers);
        drop::<Vec<_>>(over);
        if rang || !expected {
            // It rang at once, or tokio's budget was spent, or it is overtaken: it is polled again.
            self.ring(alarm);
            cx.waker().wake_by_ref();
        }
    }

    /// Hears what the body of a refused answer said.
    pub(super) fn refine(&self, sent: &Sent, hint: &Hint) {
        self.with(|state, now, wakes| {
            state.refine(now, sent, hint);
            state.pause_for(now, hint);
            state.settle(now, wakes);
        });
    }

    /// Resolves when the numbers change.
    pub(in crate::concurrency) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    fn ring(&self, alarm: Alarm) {
        self.with(|state, now, wakes| state.ring(now, alarm, wakes));
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.with(|state, now, _| state.snapshot(now));
        snapshot.fmt(f)
    }
}

/// Tells the gate that an alarm rang.
struct Bell {
    gate: Weak<Gate>,
    alarm: Alarm,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(gate) = self.gate.upgrade() {
            gate.ring(self.alarm);
        }
    }
}
