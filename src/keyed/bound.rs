//! The bound on how many requests wait, over all keys.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Counts tickets: each request that waits for its key's gate holds one.
///
/// Those that find no ticket are woken in the order of their first polls. One that was woken and does not
/// come (a service that lost a `select!` and is merely kept) holds no ticket back: whoever polls takes it.
#[derive(Debug)]
pub(super) struct Bound {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How many tickets there are.
    max: usize,
    /// How many tickets are out.
    held: usize,
    /// The last place that was given.
    last: u64,
    /// Those who wait for a ticket. `None`: woken since it last polled.
    line: BTreeMap<u64, Option<Waker>>,
}

impl Bound {
    pub(super) fn new(max: usize) -> Self {
        Self {
            state: Mutex::new(State {
                max,
                held: 0,
                last: 0,
                line: BTreeMap::new(),
            }),
        }
    }

    pub(super) fn held(&self) -> usize {
        self.lock().held
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a ticket, or waits for one. `place` is where the caller stands in the line.
    #[inline]
    pub(super) fn poll_take(&self, place: &mut Option<u64>, cx: &Context<'_>) -> Poll<()> {
        if place.is_none() && self.lock().take() {
            return Poll::Ready(());
        }
        self.poll_line(place, cx)
    }

    /// The same for those who found no ticket, now or before.
    #[cold]
    fn poll_line(&self, place: &mut Option<u64>, cx: &Context<'_>) -> Poll<()> {
        // Cloned and dropped without the lock: a waker is foreign code.
        let waker = cx.waker().clone();
        let mut state = self.lock();
        let (former, poll) = if state.take() {
            let former = place.take().and_then(|place| state.line.remove(&place));
            (former.flatten(), Poll::Ready(()))
        } else {
            let place = *place.get_or_insert_with(|| {
                state.last += 1;
                state.last
            });
            let former = state.line.insert(place, Some(waker));
            (former.flatten(), Poll::Pending)
        };
        drop(state);
        drop(former);
        poll
    }

    /// Gives up a place in the line. If its owner was woken for a ticket, the next one is.
    pub(super) fn give_up(&self, place: u64) {
        let mut state = self.lock();
        let former = state.line.remove(&place);
        let was_woken = matches!(former, Some(None));
        let next = if was_woken && state.held < state.max {
            state.next()
        } else {
            None
        };
        drop(state);
        drop(former);
        next.into_iter().for_each(Waker::wake);
    }

    /// Takes a ticket back.
    pub(super) fn put_back(&self) {
        let mut state = self.lock();
        state.held -= 1;
        // Some of those who were woken before may never come. As long as a ticket is out, another wake
        // follows; with the last one all are woken.
        let (next, all) = if state.line.is_empty() {
            return;
        } else if state.held == 0 {
            let wakers = state.line.values_mut().filter_map(Option::take);
            (None, wakers.collect::<Vec<_>>())
        } else {
            (state.next(), Vec::new())
        };
        drop(state);
        next.into_iter().chain(all).for_each(Waker::wake);
    }
}

impl State {
    fn take(&mut self) -> bool {
        let is_free = self.held < self.max;
        self.held += usize::from(is_free);
        is_free
    }

    /// The waker of the first who was not woken yet.
    fn next(&mut self) -> Option<Waker> {
        self.line.values_mut().find_map(Option::take)
    }
}
