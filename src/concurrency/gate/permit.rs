//! What a request holds: first a place in the line, then a permit, at last a slot.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use http::StatusCode;

use super::bodies::LastPoll;
use super::grant::{Granted, Stage, Waiting, Watched};
use super::shared::Gate;
use super::time;
use crate::ask::KeptPlace;
use crate::concurrency::classify::Classified;
use crate::concurrency::limit::{Outcome, Sent};
use crate::cost::{Charge, Cost, Settle};
use crate::hint::Hint;
use crate::message::HintSink;

/// How far one service has come at the gate. Gives up its place, or what it was granted, when
/// dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    gate: Arc<Gate>,
    stage: Stage,
}

impl Admission {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            stage: Stage::New,
        }
    }

    pub(in crate::concurrency) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Waits for a permit, and keeps it once it is there. Waits for nothing at a closed gate.
    #[inline]
    pub(crate) fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<()> {
        if matches!(self.stage, Stage::Granted(_)) || self.gate.is_closed() {
            return Poll::Ready(());
        }
        if let Stage::New = self.stage {
            if let Some(granted) = self.gate.pass() {
                self.stage = Stage::Granted(granted);
                return Poll::Ready(());
            }
        }
        self.gate.poll_wait(&mut self.stage, cx)
    }

    /// Gives the permit back unused.
    pub(in crate::concurrency) fn disarm(&mut self) {
        if let Some(granted) = self.stage.take_granted() {
            let Granted {
                mut sent, watched, ..
            } = granted;
            self.gate.with(|state, now, wakes| {
                sent.at = sent.at.map(|_| now.get());
                if sent.cost.is_some() {
                    state.charge(now, &mut sent, Cost::FREE, wakes);
                }
                state.report(now, &sent, watched, Outcome::Ignored, true, wakes);
            });
        }
    }

    /// Takes the permit for a request that is sent now. At a closed gate there is none.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Permit> {
        if self.gate.is_closed() {
            self.disarm();
            return None;
        }
        let Granted {
            mut sent,
            ticket,
            mut watched,
        } = self.stage.take_granted()?;
        if sent.at.is_some() || self.gate.is_observed() {
            let now = self.gate.now().get();
            sent.at = sent.at.map(|_| now);
            watched.at = self.gate.is_observed().then(|| self.gate.instant(now));
        }
        Some(Permit {
            gate: Some(Arc::clone(&self.gate)),
            sent,
            ticket,
            watched,
        })
    }
}

impl Drop for Admission {
    #[inline]
    fn drop(&mut self) {
        match self.stage {
            Stage::New => {}
            Stage::Waiting(Waiting { spot, .. }) => self
                .gate
                .with(|state, now, wakes| state.give_up(now, spot, wakes)),
            Stage::Granted(_) => self.disarm(),
        }
    }
}

/// The right of a request to be in flight. If it is dropped before the gate was told how the request
/// ended, that counts as ignored.
#[derive(Debug)]
pub(crate) struct Permit {
    /// `None` once the gate was told.
    gate: Option<Arc<Gate>>,
    sent: Sent,
    ticket: u64,
    watched: Watched,
}

impl Permit {
    /// Tells what the request costs.
    pub(in crate::concurrency) fn charge(&mut self, cost: Cost) {
        if let Some(gate) = &self.gate {
            let sent = &mut self.sent;
            gate.with(|state, now, wakes| state.charge(now, sent, cost, wakes));
        }
    }

    /// What the request was charged, to be corrected once more is known. `None` if nobody told a cost.
    pub(in crate::concurrency) fn charged(&self) -> Option<Charge> {
        self.sent.cost?;
        let gate = self.gate.clone()?;
        let sent = Mutex::new(self.sent);
        Some(Charge::new(Arc::new(Charged { gate, sent })))
    }

    /// Tells how the request ended, and keeps the slot.
    pub(in crate::concurrency) fn report(
        &mut self,
        outcome: Outcome<'_>,
        cx: &Context<'_>,
    ) -> Option<Slot> {
        let gate = self.gate.take()?;
        let (sent, watched) = (&self.sent, self.watched);
        let runtime = time::runtime();
        let (last_poll, alarm) = gate.with_outcome(outcome, |state, now, wakes| {
            state.report_head(now, sent, watched, outcome, runtime, wakes)
        });
        if let Some(alarm) = alarm {
            gate.set(alarm, cx);
        }
        Some(Slot {
            gate,
            seq: sent.seq,
            last_poll,
        })
    }

    /// Tells how the request ended, and gives the slot back.
    pub(in crate::concurrency) fn finish(&mut self, outcome: Outcome<'_>) {
        if let Some(gate) = self.gate.take() {
            let (sent, watched) = (&self.sent, self.watched);
            gate.with_outcome(outcome, |state, now, wakes| {
                state.report(now, sent, watched, outcome, true, wakes);
            });
        }
    }

    /// Lets a retry above tell the gate what the refused answer's body said, and the request come back
    /// to its place.
    pub(in crate::concurrency) fn hint_sink(&self) -> Option<HintSink> {
        let gate = self.gate.clone()?;
        let place = KeptPlace {
            gate: gate.id,
            ticket: self.ticket,
            cost: self.sent.cost,
        };
        let sent = self.sent;
        Some(HintSink::new(move |hint| gate.refine(&sent, hint)).keep_place(place))
    }
}

impl Permit {
    /// Gives the slot back, and leaves it to who reads the answer's body to tell how the request ended:
    /// a sink that is told of a refusal counts it as one. Otherwise it counts by its head, once
    /// nobody has the sink any more.
    pub(in crate::concurrency) fn finish_by_body(
        &mut self,
        by_head: Classified,
        status: StatusCode,
        hint: Hint,
    ) -> Option<HintSink> {
        let gate = self.gate.take()?;
        gate.with(|state, now, wakes| state.release(now, self.sent.seq, false, wakes));
        let place = KeptPlace {
            gate: gate.id,
            ticket: self.ticket,
            cost: self.sent.cost,
        };
        let open = Open {
            gate,
            sent: self.sent,
            // By then it says nothing of how long the answer took.
            watched: Watched {
                at: None,
                ..self.watched
            },
            by_head,
            status,
            hint,
            told: AtomicBool::new(false),
        };
        Some(HintSink::new(move |hint| open.refine(hint)).keep_place(place))
    }
}

/// The charge of a request that was accepted.
struct Charged {
    gate: Arc<Gate>,
    sent: Mutex<Sent>,
}

impl Charged {
    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Settle for Charged {
    fn settle(&self, actual: Cost) {
        // The gate is locked first, and wakes nobody before both are free.
        self.gate
            .with(|state, now, wakes| state.charge(now, &mut self.sent(), actual, wakes));
    }

    fn charged(&self) -> Cost {
        self.sent().cost.unwrap_or_default()
    }
}

/// A request of which only its answer's body tells how it ended.
struct Open {
    gate: Arc<Gate>,
    sent: Sent,
    watched: Watched,
    by_head: Classified,
    status: StatusCode,
    hint: Hint,
    /// Whether the gate was told.
    told: AtomicBool,
}

impl Open {
    fn refine(&self, hint: &Hint) {
        if !hint.is_refusal() {
            return;
        }
        if self.told.swap(true, Ordering::Relaxed) {
            self.gate.refine(&self.sent, hint);
        } else {
            let status = self.status;
            self.report(&self.sent, Outcome::Refused { status, hint });
        }
    }

    fn report(&self, sent: &Sent, outcome: Outcome<'_>) {
        self.gate.with_outcome(outcome, |state, now, wakes| {
            state.report(now, sent, self.watched, outcome, false, wakes);
        });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !*self.told.get_mut() {
            // By now it says nothing of how long the answer took.
            let sent = Sent {
                at: None,
                ..self.sent
            };
            self.report(&sent, self.by_head.outcome(self.status, &self.hint));
        }
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        if self.gate.is_some() {
            self.finish(Outcome::Ignored);
        }
    }
}

/// The permit of a request of which the gate knows how it ended, while its answer's body is still
/// coming. Comes back when dropped, unless it was taken away before, because nobody read the body.
#[derive(Debug)]
pub(in crate::concurrency) struct Slot {
    gate: Arc<Gate>,
    seq: u64,
    /// `None` if the permit is never taken away.
    last_poll: Option<LastPoll>,
}

impl Slot {
    /// The body was polled, and has something, or nothing yet.
    #[inline]
    pub(in crate::concurrency) fn polled(&self, pending: bool) {
        if let Some(last_poll) = &self.last_poll {
            last_poll.record(self.gate.now().get(), pending);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let may_be_late = self.last_poll.is_some();
        self.gate
            .with(|state, now, wakes| state.release(now, self.seq, may_be_late, wakes));
    }
}
