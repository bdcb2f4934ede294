//! The circuit breaker: while an API serves nobody, nobody is sent but one probe at a time.
//!
//! Closed, it costs a request one atomic load. It opens when nothing was accepted for too long, or when
//! two requests in a row were refused for good. Everybody who waits is woken then, and answered with a
//! copy of the last refusal.

mod admission;
#[cfg(all(test, throttle_loom))]
mod loom_tests;
mod outage;
mod part;
mod probe;
mod routes;
#[cfg(all(test, not(throttle_loom)))]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
#[cfg(not(all(test, throttle_loom)))]
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, PoisonError};
#[cfg(not(all(test, throttle_loom)))]
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Waker};
use std::time::Duration;

#[cfg(all(test, throttle_loom))]
use loom::sync::atomic::{AtomicU8, Ordering::Relaxed};
#[cfg(all(test, throttle_loom))]
use loom::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

pub(super) use self::admission::{Admission, Rejection};
use self::outage::Outage;
pub(super) use self::part::{Part, Registration};
use self::probe::Open;
use self::routes::Routes;
use super::last_refusal::LastRefusal;
use super::pause::Shared;
use crate::message::{Unsent, UnsentCause};

/// An acceptance has something to clear.
const UNCLEARED: u8 = 1;
/// Not everybody is sent.
const TRIPPED: u8 = 2;

/// How many refusals for good in a row open the circuit, and the most that are asked for after they were
/// seen to prove nothing.
const FOR_GOOD: u32 = 2;
const MAX_FOR_GOOD: u32 = 64;

/// Shared by all requests of a layer.
pub(super) struct Circuit {
    /// What a request must know before it takes the lock: [`UNCLEARED`] and [`TRIPPED`].
    flags: AtomicU8,
    state: Mutex<State>,
}

struct State {
    outage: Outage,
    /// Refusals for good in a row, and when the first of them came.
    for_good: u32,
    for_good_since: Option<Instant>,
    /// What kinds of request these were.
    routes: Routes,
    /// How many of these open the circuit.
    needed: u32,
    last: Option<Arc<LastRefusal>>,
    /// Whether `last` belongs to the present outage.
    last_is_current: bool,
    open: Option<Open>,
    /// How many probes went, and how many have ended.
    begun: u64,
    probes: u64,
    /// The user closed the layer: nobody is sent any more.
    shut: bool,
    /// Those who wait, to be woken when the circuit opens.
    waiting: BTreeMap<u64, Waker>,
    next_key: u64,
}

impl Circuit {
    pub(super) fn new() -> Self {
        Self {
            flags: AtomicU8::new(0),
            state: Mutex::new(State {
                outage: Outage::default(),
                for_good: 0,
                for_good_since: None,
                routes: Routes::default(),
                needed: FOR_GOOD,
                last: None,
                last_is_current: false,
                open: None,
                begun: 0,
                probes: 0,
                shut: false,
                waiting: BTreeMap::new(),
                next_key: 0,
            }),
        }
    }

    /// Whether a request must ask before it is sent.
    #[inline]
    pub(super) fn is_tripped(&self) -> bool {
        self.flags.load(Relaxed) & TRIPPED != 0
    }

    /// Whether the API serves nobody, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        self.lock().open.is_some()
    }

    /// Whether the layer was closed.
    pub(super) fn is_shut(&self) -> bool {
        self.lock().shut
    }

    /// A request was accepted: whatever was wrong is over. `sent_at` is when it was sent, if that is known.
    #[inline]
    pub(super) fn accepted(&self, sent_at: Option<Instant>) {
        if self.flags.load(Relaxed) & UNCLEARED != 0 {
            self.recover(sent_at);
        }
    }

    #[cold]
    fn recover(&self, sent_at: Option<Instant>) {
        let mut state = self.lock();
        let open = state.open.take();
        // Served after others were refused for good: that word was not for everybody, such as a dead
        // route's beside others. It takes more of them to believe it again.
        let is_contradicted = match (&open, state.for_good_since) {
            (Some(open), Some(since)) => {
                // What was sent before says nothing of them.
                sent_at.is_none_or(|sent_at| sent_at > since) && !open.is_reset_over(Instant::now())
            }
            (None, Some(since)) => sent_at.is_some_and(|sent_at| sent_at > since),
            (_, None) => false,
        };
        if is_contradicted {
            state.needed = (2 * state.needed).min(MAX_FOR_GOOD);
        } else if open.is_some() {
            state.needed = FOR_GOOD;
        }
        state.outage.end();
        state.forget_for_good();
        state.last_is_current = false;
        let woken = if open.is_some() {
            std::mem::take(&mut state.waiting)
        } else {
            BTreeMap::new()
        };
        self.publish(&state);
        drop(state);
        woken.into_values().for_each(Waker::wake);
    }

    /// Records an attempt that was not accepted, with a copy of its answer if there was one. Returns whether
    /// the request is to end with that: nothing was accepted for `max_outage`, or the circuit is open.
    pub(super) fn refused(
        &self,
        part: &mut Part,
        rejection: Rejection,
        copy: Option<LastRefusal>,
        max_outage: Duration,
        may_open: bool,
    ) -> bool {
        let Rejection { at, wait, .. } = rejection;
        let mut state = self.lock();
        if !part.is_trying {
            part.is_trying = true;
            state.outage.join();
        }
        let lasted = state.outage.refused(at);
        // The former one is dropped without the lock: its body is foreign.
        let mut former = None;
        if let Some(copy) = copy {
            former = state.last.replace(Arc::new(copy));
            state.last_is_current = true;
        }
        state.record_for_good(rejection);
        let is_over = !lasted.is_zero() && lasted >= max_outage;
        let opens =
            may_open && state.last_is_current && (is_over || state.for_good >= state.needed);
        // Also that of a time that is over: the request is like others again.
        let probe = part.probe.take();
        let woken = if state.open.is_some() {
            state.probe_ended(probe, |open| {
                open.probe_refused(at, wait, rejection.for_good);
            })
        } else if opens {
            state.open = Some(Open::new(at, wait));
            std::mem::take(&mut state.waiting)
        } else {
            BTreeMap::new()
        };
        let ends = is_over || state.open.is_some() || state.shut;
        self.publish(&state);
        drop(state);
        drop(former);
        woken.into_values().for_each(Waker::wake);
        ends
    }

    /// Decides about a request of the kind `route` that is about to be sent. Makes it the probe if one is
    /// due, or if requests of its kind were not refused yet.
    #[cold]
    pub(super) fn admit(&self, now: Instant, part: &mut Part, route: Option<u64>) -> Admission {
        let mut state = self.lock();
        let state = &mut *state;
        if state.shut {
            return Admission::Answer(state.unsent(UnsentCause::Closed, now));
        }
        let (is_other, probes) = (state.routes.is_open(route), state.probes);
        let Some(open) = &mut state.open else {
            return Admission::Send;
        };
        if open.is_probe(part.probe) {
            return Admission::Probe;
        }
        let until = open.probes_until(now);
        if open.is_due(now) || (is_other && until.is_none() && open.lets_others_go(now)) {
            state.begun += 1;
            open.begin_probe(state.begun, now);
            part.begin_probe(state.begun);
            return Admission::Probe;
        }
        part.probe = None;
        if let Some(until) = until.filter(|_| is_other) {
            return Admission::Wait(probes, until);
        }
        Admission::Answer(state.unsent(UnsentCause::CircuitOpen, now))
    }

    /// What is told to a request whose time is over, if there is a refusal to copy.
    pub(super) fn out_of_time(&self, now: Instant) -> Option<Unsent> {
        let state = self.lock();
        let unsent = state.unsent(UnsentCause::OutOfTime, now);
        state.last.is_some().then_some(unsent)
    }

    /// The last refusal.
    pub(super) fn last(&self) -> Option<Arc<LastRefusal>> {
        self.lock().last.clone()
    }

    /// Sends nobody any more.
    pub(super) fn shut(&self) {
        let mut state = self.lock();
        state.shut = true;
        let woken = std::mem::take(&mut state.waiting);
        self.publish(&state);
        drop(state);
        woken.into_values().for_each(Waker::wake);
    }

    /// Keeps a waker until the circuit opens, closes or ends a probe, or the registration is dropped.
    /// Returns false if what was `admitted` no longer holds: the caller must ask again.
    pub(super) fn register(
        shared: &Arc<Shared>,
        registration: &mut Option<Registration>,
        admitted: Admission,
        cx: &Context<'_>,
    ) -> bool {
        let waker = cx.waker().clone();
        let mut state = shared.circuit.lock();
        let holds = match admitted {
            Admission::Send => state.open.is_none(),
            Admission::Probe => true,
            Admission::Wait(probes, _) => state.open.is_some() && state.probes == probes,
            Admission::Answer(_) => false,
        };
        if state.shut || !holds {
            return false;
        }
        let key = match registration {
            Some(registration) => registration.key,
            None => {
                state.next_key += 1;
                let key = state.next_key;
                let shared = Arc::clone(shared);
                *registration = Some(Registration { shared, key });
                key
            }
        };
        let former = state.waiting.insert(key, waker);
        drop(state);
        drop(former);
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the state to those who do not take the lock, which is held.
    fn publish(&self, state: &State) {
        let uncleared = state.outage.has_begun() || state.for_good > 0 || state.open.is_some();
        let mut flags = 0;
        if uncleared {
            flags |= UNCLEARED;
        }
        if state.is_tripped() {
            flags |= TRIPPED;
        }
        self.flags.store(flags, Relaxed);
    }
}

impl State {
    fn is_tripped(&self) -> bool {
        self.shut || self.open.is_some()
    }

    /// Records whether a refusal is for good.
    fn record_for_good(&mut self, rejection: Rejection) {
        if rejection.for_good {
            self.for_good += 1;
            self.for_good_since.get_or_insert(rejection.at);
            self.routes.refused(rejection.route);
        } else if self.open.is_none() {
            self.forget_for_good();
        }
    }

    fn forget_for_good(&mut self) {
        (self.for_good, self.for_good_since) = (0, None);
        self.routes.clear();
    }

    /// The probe with this number has ended, if the circuit is still open since then and no other has taken
    /// its place. Returns those who may wait for that.
    fn probe_ended(
        &mut self,
        probe: Option<u64>,
        how: impl FnOnce(&mut Open),
    ) -> BTreeMap<u64, Waker> {
        match &mut self.open {
            Some(open) if open.is_probe(probe) => {
                how(open);
                self.probes += 1;
                std::mem::take(&mut self.waiting)
            }
            _ => BTreeMap::new(),
        }
    }

    fn unsent(&self, cause: UnsentCause, now: Instant) -> Unsent {
        Unsent {
            cause,
            since: self
                .outage
                .began()
                .map(|at| now.saturating_duration_since(at)),
            last_refused: self.last.as_ref().map(|last| last.age(now)),
        }
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Circuit")
            .field("is_open", &state.open.is_some())
            .field("is_closed_by_user", &state.shut)
            .field("waiting", &state.waiting.len())
            .finish_non_exhaustive()
    }
}
