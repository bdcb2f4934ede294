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
mod state;
#[cfg(all(test, not(throttle_loom)))]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;

pub(super) use self::admission::{Admission, Rejection};
pub(super) use self::part::{Part, Registration};
use self::probe::Open;
pub(super) use self::state::Circuit;
use self::state::{FOR_GOOD, MAX_FOR_GOOD};
use super::last_refusal::LastRefusal;
use crate::message::{Unsent, UnsentCause};
use crate::observe::Reason;

/// What a refusal led to.
pub(super) struct Effect {
    /// The request is to end with it: nothing was accepted for `max_outage`, or the circuit is open.
    pub(super) ends: bool,
    /// Why the circuit opened, if it did.
    pub(super) opened: Option<Reason>,
}

impl Circuit {
    /// Whether the API serves nobody, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        self.lock().open.is_some()
    }

    /// Whether the layer was closed.
    pub(super) fn is_shut(&self) -> bool {
        self.lock().shut
    }

    /// A request was accepted: whatever was wrong is over. `sent_at` is when it was sent, if that is known. Returns
    /// whether that closed the circuit.
    #[inline]
    pub(super) fn accepted(&self, sent_at: Option<Instant>) -> bool {
        self.has_to_clear() && self.recover(sent_at)
    }

    #[cold]
    fn recover(&self, sent_at: Option<Instant>) -> bool {
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
        open.is_some()
    }

    /// Records an attempt that was not accepted, with a copy of its answer if there was one.
    pub(super) fn refused(
        &self,
        part: &mut Part,
        rejection: Rejection,
        copy: Option<LastRefusal>,
        max_outage: Duration,
        may_open: bool,
    ) -> Effect {
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
        let mut opened = None;
        let woken = if state.open.is_some() {
            state.probe_ended(probe, |open| {
                open.probe_refused(at, wait, rejection.for_good);
            })
        } else if opens {
            state.open = Some(Open::new(at, wait));
            opened = Some(if is_over {
                Reason::Outage
            } else {
                Reason::ForGood
            });
            std::mem::take(&mut state.waiting)
        } else {
            BTreeMap::new()
        };
        let ends = is_over || state.open.is_some() || state.shut;
        self.publish(&state);
        drop(state);
        drop(former);
        woken.into_values().for_each(Waker::wake);
        Effect { ends, opened }
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
        self: &Arc<Self>,
        registration: &mut Option<Registration>,
        admitted: Admission,
        cx: &Context<'_>,
    ) -> bool {
        let waker = cx.waker().clone();
        let mut state = self.lock();
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
                let circuit = Arc::clone(self);
                *registration = Some(Registration { circuit, key });
                key
            }
        };
        let former = state.waiting.insert(key, waker);
        drop(state);
        drop(former);
        true
    }
}
