//! What a request holds: first a place in the line, then a permit, at last a slot.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::Gate;
use super::bodies::LastPoll;
use super::turn::{Granted, Place};
use crate::ask::KeptPlace;
use crate::concurrency::limit::{Outcome, Sent};
use crate::hint::Hint;
use crate::message::Governor;

/// How far one service has come at the gate. Gives up its place, or what it was granted, when
/// dropped.
#[derive(Debug)]
pub(in crate::concurrency) struct Admission {
    gate: Arc<Gate>,
    place: Option<Place>,
    /// Granted, and not sent yet: the time in it, if there is one, is still to be noted.
    granted: Option<Granted>,
}

impl Admission {
    pub(in crate::concurrency) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            place: None,
            granted: None,
        }
    }

    pub(in crate::concurrency) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Waits for a permit, and keeps it once it is there.
    #[inline]
    pub(in crate::concurrency) fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.granted.is_some() {
            return Poll::Ready(());
        }
        if self.place.is_none() {
            self.granted = self.gate.pass();
            if self.granted.is_some() {
                return Poll::Ready(());
            }
        }
        self.gate
            .poll_wait(&mut self.place, cx)
            .map(|granted| self.granted = Some(granted))
    }

    /// Gives the permit back unused.
    pub(in crate::concurrency) fn disarm(&mut self) {
        if let Some(Granted { mut sent, .. }) = self.granted.take() {
            self.gate.with(|state, now, wakes| {
                sent.at = sent.at.map(|_| now.get());
                state.report(now, &sent, Outcome::Ignored, true, wakes);
            });
        }
    }

    /// Takes the permit for a request that is sent now.
    #[inline]
    pub(in crate::concurrency) fn take(&mut self) -> Option<Permit> {
        let Granted { mut sent, tag } = self.granted.take()?;
        if let Some(at) = &mut sent.at {
            *at = self.gate.now().get();
        }
        Some(Permit {
            gate: Some(Arc::clone(&self.gate)),
            sent,
            tag,
        })
    }
}

impl Drop for Admission {
    #[inline]
    fn drop(&mut self) {
        self.disarm();
        if let Some(place) = self.place.take() {
            self.gate
                .with(|state, now, wakes| state.give_up(now, place.id, wakes));
        }
    }
}

/// The right of a request to be in flight. If it is dropped before the gate was told how the request
/// ended, that counts as ignored.
#[derive(Debug)]
pub(in crate::concurrency) struct Permit {
    /// `None` once the gate was told.
    gate: Option<Arc<Gate>>,
    sent: Sent,
    tag: u64,
}

impl Permit {
    /// Tells how the request ended, and keeps the slot.
    pub(in crate::concurrency) fn report(
        &mut self,
        outcome: Outcome<'_>,
        cx: &Context<'_>,
    ) -> Option<Slot> {
        let gate = self.gate.take()?;
        let sent = &self.sent;
        let has_timer = Handle::try_current().is_ok();
        let (last_poll, alarm) =
            gate.with(|state, now, wakes| state.report_head(now, sent, outcome, has_timer, wakes));
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
            let sent = &self.sent;
            gate.with(|state, now, wakes| state.report(now, sent, outcome, true, wakes));
        }
    }

    /// Lets a retry above tell the gate what the refused answer's body said, and the request come back
    /// to its place.
    pub(in crate::concurrency) fn governor(&self) -> Option<Governor> {
        let gate = self.gate.clone()?;
        let place = KeptPlace {
            gate: gate.id,
            tag: self.tag,
        };
        let governor = Governor::new(move |hint: &Hint| {
            gate.with(|state, now, wakes| {
                state.pause_for(now, hint);
                state.settle(now, wakes);
            });
        });
        Some(governor.keep_place(place))
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
            last_poll.note(self.gate.now().get(), pending);
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
