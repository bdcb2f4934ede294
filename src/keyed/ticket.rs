//! What a service holds of the bound.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::overflow::Overflow;
use super::shared::{Shared, Waits};
use super::table::Entry;

/// How far one service has come at the bound. Gives up its place or its ticket when dropped.
pub(super) struct Admission<K> {
    shared: Arc<Shared<K>>,
    ticket: Ticket,
    /// The last request, if it waits beyond its key's share.
    beyond: Option<Arc<Overflow>>,
}

#[derive(Clone, Copy, Debug)]
enum Ticket {
    /// None yet, perhaps with a place in the line for one.
    Wanted(Option<u64>),
    Held,
}

impl<K> Admission<K> {
    pub(super) fn new(shared: Arc<Shared<K>>) -> Self {
        Self {
            shared,
            ticket: Ticket::Wanted(None),
            beyond: None,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared<K>> {
        &self.shared
    }

    pub(super) fn has_ticket(&self) -> bool {
        matches!(self.ticket, Ticket::Held)
    }

    /// Waits for a ticket, and keeps it once it is there.
    #[inline]
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let Ticket::Wanted(place) = &mut self.ticket else {
            return Poll::Ready(());
        };
        if let Some(beyond) = &self.beyond {
            ready!(beyond.poll(cx));
            self.beyond = None;
        }
        ready!(self.shared.bound.poll_take(place, cx));
        self.ticket = Ticket::Held;
        Poll::Ready(())
    }

    /// Hands the ticket to a request.
    #[inline]
    pub(super) fn hand_over(&mut self, entry: Arc<Entry<K>>) -> Waits<K> {
        self.ticket = Ticket::Wanted(None);
        let waits = Waits::new(&self.shared, entry);
        self.beyond = waits.beyond();
        waits
    }
}

impl<K> Drop for Admission<K> {
    fn drop(&mut self) {
        match self.ticket {
            Ticket::Held => self.shared.bound.put_back(),
            Ticket::Wanted(Some(place)) => self.shared.bound.give_up(place),
            Ticket::Wanted(None) => {}
        }
    }
}
