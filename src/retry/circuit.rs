//! The circuit breaker: while an API serves nobody, nobody is sent but one probe at a time.
//!
//! Closed, it costs a request one atomic load. It opens when nothing was accepted for too long, or when
//! two requests in a row were refused for good. Everybody who waits is woken then, and answered with a
//! copy of the last refusal.

#[cfg(all(test, throttle_loom))]
mod loom_tests;
mod outage;
mod part;
mod probe;
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

use self::outage::Outage;
pub(super) use self::part::{Part, Registration};
use self::probe::Open;
use super::last_refusal::LastRefusal;
use super::pause::Shared;
use crate::message::{Unsent, UnsentCause};

/// An acceptance has something to clear.
const TROUBLED: u8 = 1;
/// Not everybody is sent.
const TRIPPED: u8 = 2;

/// How many refusals for good in a row open the circuit, and the most that are asked for after they were
/// seen to prove nothing.
const FOR_GOOD: u32 = 2;
const MAX_FOR_GOOD: u32 = 64;

/// Shared by all requests of a layer.
pub(super) struct Circuit {
    /// What a request must know before it takes the lock: [`TROUBLED`] and [`TRIPPED`].
    flags: AtomicU8,
    state: Mutex<State>,
}

struct State {
    outage: Outage,
    /// Refusals for good in a row, and when the first of them came.
    for_good: u32,
    for_good_since: Option<Instant>,
    /// How many of these open the circuit.
    needed: u32,
    last: Option<Arc<LastRefusal>>,
    /// Whether `last` belongs to the present outage.
    last_is_current: bool,
    open: Option<Open>,
    /// The user closed the layer: nobody is sent any more.
    shut: bool,
    /// Those who wait, to be woken when the circuit opens.
    waiting: BTreeMap<u64, Waker>,
    next_key: u64,
}

/// What came of an attempt that was not accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setback {
    pub(super) at: Instant,
    /// What the server asked for.
    pub(super) wait: Option<Duration>,
    /// The server serves nobody like this one, as far as one answer can tell.
    pub(super) for_good: bool,
}

impl Setback {
    /// A failure in which the server said nothing of limits.
    pub(super) fn without_word(at: Instant) -> Self {
        Self {
            at,
            wait: None,
            for_good: false,
        }
    }
}

/// What may be done with a request that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Send it.
    Send,
    /// Send it, and tell what came of it: it is the probe.
    Probe,
    /// Answer it without sending.
    Answer(Unsent),
}

impl Circuit {
    pub(super) fn new() -> Self {
        Self {
            flags: AtomicU8::new(0),
            state: Mutex::new(State {
                outage: Outage::default(),
                for_good: 0,
                for_good_since: None,
                needed: FOR_GOOD,
                last: None,
                last_is_current: false,
                open: None,
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
        if self.flags.load(Relaxed) & TROUBLED != 0 {
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
            (Some(open), Some(_)) => !open.is_reset_over(Instant::now()),
            (None, Some(since)) => sent_at.is_some_and(|sent_at| sent_at > since),
            (_, None) => false,
        };
        if is_contradicted {
            state.needed = (2 * state.needed).min(MAX_FOR_GOOD);
        } else if open.is_some() {
            state.needed = FOR_GOOD;
        }
        state.outage.end();
        (state.for_good, state.for_good_since) = (0, None);
        state.last_is_current = false;
        self.publish(&state);
    }

    /// Notes an attempt that was not accepted, with a copy of its answer if there was one. Returns whether
    /// the request is to end with that: nothing was accepted for `max_outage`, or the circuit is open.
    pub(super) fn refused(
        &self,
        part: &mut Part,
        setback: Setback,
        copy: Option<LastRefusal>,
        max_outage: Duration,
        may_open: bool,
    ) -> bool {
        let Setback { at, wait, for_good } = setback;
        let mut state = self.lock();
        if !part.is_trying {
            part.is_trying = true;
            state.outage.join();
        }
        let lasted = state.outage.refused(at);
        if let Some(copy) = copy {
            state.last = Some(Arc::new(copy));
            state.last_is_current = true;
        }
        if for_good {
            state.for_good += 1;
            state.for_good_since.get_or_insert(at);
        } else if state.open.is_none() {
            (state.for_good, state.for_good_since) = (0, None);
        }
        let is_over = !lasted.is_zero() && lasted >= max_outage;
        let mut woken = BTreeMap::new();
        if let Some(open) = &mut state.open {
            if std::mem::take(&mut part.is_probe) {
                open.probe_refused(at, wait);
            }
        } else if may_open && state.last_is_current && (is_over || state.for_good >= state.needed) {
            state.open = Some(Open::new(at, wait));
            woken = std::mem::take(&mut state.waiting);
        }
        let ends = is_over || state.open.is_some() || state.shut;
        self.publish(&state);
        drop(state);
        woken.into_values().for_each(Waker::wake);
        ends
    }

    /// Decides about a request that is about to be sent. Makes it the probe if one is due.
    #[cold]
    pub(super) fn admit(&self, now: Instant, part: &mut Part) -> Admission {
        let mut state = self.lock();
        if state.shut {
            return Admission::Answer(state.unsent(UnsentCause::Closed, now));
        }
        if part.is_probe {
            return Admission::Probe;
        }
        let Some(open) = &mut state.open else {
            return Admission::Send;
        };
        if open.begin_probe(now) {
            part.is_probe = true;
            return Admission::Probe;
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

    /// Keeps a waker until the circuit opens or the registration is dropped. Returns false if the circuit
    /// tripped meanwhile: the caller must look again.
    pub(super) fn register(
        shared: &Arc<Shared>,
        registration: &mut Option<Registration>,
        is_probe: bool,
        cx: &Context<'_>,
    ) -> bool {
        let waker = cx.waker().clone();
        let mut state = shared.circuit.lock();
        if state.shut || (state.open.is_some() && !is_probe) {
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
        let troubled = state.outage.has_begun() || state.for_good > 0 || state.open.is_some();
        let mut flags = 0;
        if troubled {
            flags |= TROUBLED;
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
