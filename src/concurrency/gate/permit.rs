//! What a request holds: first a place in the line, then a permit.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::Gate;
use super::turn::Place;
use crate::concurrency::limit::{Outcome, Sent};
use crate::hint::Hint;
use crate::message::Governor;

/// How far one service has come at the gate. Gives up its place when dropped.
#[derive(Debug)]
pub(in crate::concurrency) struct Admission {
    gate: Arc<Gate>,
    place: Option<Place>,
    permit: Option<Permit>,
}

impl Admission {
    pub(in crate::concurrency) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            place: None,
            permit: None,
        }
    }

    pub(in crate::concurrency) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Waits for a permit, and keeps it once it is there.
    #[inline]
    pub(in crate::concurrency) fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.permit.is_some() {
            return Poll::Ready(());
        }
        let passed = if self.place.is_none() {
            self.gate.pass()
        } else {
            None
        };
        let sent = match passed {
            Some(sent) => sent,
            None => match self.gate.poll_wait(&mut self.place, cx) {
                Poll::Ready(sent) => sent,
                Poll::Pending => return Poll::Pending,
            },
        };
        self.permit = Some(Permit {
            gate: Some(Arc::clone(&self.gate)),
            sent,
            reported: false,
        });
        Poll::Ready(())
    }

    /// Gives the permit back unused.
    pub(in crate::concurrency) fn disarm(&mut self) {
        self.permit = None;
    }

    /// Takes the permit for a request that is sent now.
    #[inline]
    pub(in crate::concurrency) fn take(&mut self) -> Option<Permit> {
        let mut permit = self.permit.take()?;
        permit.sent.at = self.gate.now().get();
        Some(permit)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.gate
                .with(|state, now, wakes| state.give_up(now, place.id, wakes));
        }
    }
}

/// The right to be in flight. Comes back when dropped, and says how the request ended: as ignored,
/// unless it was told otherwise.
#[derive(Debug)]
pub(in crate::concurrency) struct Permit {
    /// `None` once the permit is back.
    gate: Option<Arc<Gate>>,
    sent: Sent,
    reported: bool,
}

impl Permit {
    /// Tells how the request ended, and keeps the permit.
    pub(in crate::concurrency) fn report(&mut self, outcome: Outcome<'_>) {
        self.reported = true;
        let sent = &self.sent;
        if let Some(gate) = &self.gate {
            gate.with(|state, now, wakes| state.report(now, sent, outcome, false, wakes));
        }
    }

    /// Tells how the request ended, and gives the permit back.
    pub(in crate::concurrency) fn finish(mut self, outcome: Outcome<'_>) {
        let sent = &self.sent;
        if let Some(gate) = self.gate.take() {
            gate.with(|state, now, wakes| state.report(now, sent, outcome, true, wakes));
        }
    }

    /// Lets a retry above tell the gate what the refused answer's body said.
    pub(in crate::concurrency) fn governor(&self) -> Option<Governor> {
        let gate = self.gate.clone()?;
        Some(Governor::new(move |hint: &Hint| {
            gate.with(|state, now, wakes| {
                state.pause_for(now, hint);
                state.settle(now, wakes);
            });
        }))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(gate) = self.gate.take() else { return };
        let (mut sent, reported) = (self.sent, self.reported);
        gate.with(|state, now, wakes| {
            if reported {
                return state.release(now, wakes);
            }
            if sent.at.is_zero() {
                // It was never used.
                sent.at = now.get();
            }
            state.report(now, &sent, Outcome::Ignored, true, wakes);
        });
    }
}
