//! The circuit, and what it knows.

use std::collections::BTreeMap;
use std::fmt;
#[cfg(not(all(test, throttle_loom)))]
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, PoisonError};
#[cfg(not(all(test, throttle_loom)))]
use std::sync::{Mutex, MutexGuard};
use std::task::Waker;

#[cfg(all(test, throttle_loom))]
use loom::sync::atomic::{AtomicU8, Ordering::Relaxed};
#[cfg(all(test, throttle_loom))]
use loom::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::admission::Rejection;
use super::outage::Outage;
use super::probe::Open;
use super::routes::Routes;
use crate::message::{Unsent, UnsentCause};
use crate::retry::last_refusal::LastRefusal;

/// An acceptance has something to clear.
const UNCLEARED: u8 = 1;
/// Not everybody is sent.
const TRIPPED: u8 = 2;

/// How many refusals for good in a row open the circuit, and the most that are asked for after they were
/// seen to prove nothing.
pub(super) const FOR_GOOD: u32 = 2;
pub(super) const MAX_FOR_GOOD: u32 = 64;

/// Shared by all requests of a layer.
pub(in crate::retry) struct Circuit {
    /// What a request must know before it takes the lock: [`UNCLEARED`] and [`TRIPPED`].
    flags: AtomicU8,
    state: Mutex<State>,
}

/// What the circuit knows.
pub(super) struct State {
    pub(super) outage: Outage,
    /// Refusals for good in a row, and when the first of them came.
    pub(super) for_good: u32,
    pub(super) for_good_since: Option<Instant>,
    /// What kinds of request these were.
    pub(super) routes: Routes,
    /// How many of these open the circuit.
    pub(super) needed: u32,
    pub(super) last: Option<Arc<LastRefusal>>,
    /// Whether `last` belongs to the present outage.
    pub(super) last_is_current: bool,
    pub(super) open: Option<Open>,
    /// How many probes went, and how many have ended.
    pub(super) begun: u64,
    pub(super) probes: u64,
    /// The user closed the layer: nobody is sent any more.
    pub(super) shut: bool,
    /// Those who wait, to be woken when the circuit opens.
    pub(super) waiting: BTreeMap<u64, Waker>,
    pub(super) next_key: u64,
}

impl Circuit {
    pub(in crate::retry) fn new() -> Self {
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
    pub(in crate::retry) fn is_tripped(&self) -> bool {
        self.flags.load(Relaxed) & TRIPPED != 0
    }

    /// Whether an acceptance has something to clear.
    #[inline]
    pub(super) fn has_to_clear(&self) -> bool {
        self.flags.load(Relaxed) & UNCLEARED != 0
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the state to those who do not take the lock, which is held.
    pub(super) fn publish(&self, state: &State) {
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
    pub(super) fn record_for_good(&mut self, rejection: Rejection) {
        if rejection.for_good {
            self.for_good += 1;
            self.for_good_since.get_or_insert(rejection.at);
            self.routes.refused(rejection.route);
        } else if self.open.is_none() {
            self.forget_for_good();
        }
    }

    pub(super) fn forget_for_good(&mut self) {
        (self.for_good, self.for_good_since) = (0, None);
        self.routes.clear();
    }

    /// The probe with this number has ended, if the circuit is still open since then and no other has taken
    /// its place. Returns those who may wait for that.
    pub(super) fn probe_ended(
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

    pub(super) fn unsent(&self, cause: UnsentCause, now: Instant) -> Unsent {
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
