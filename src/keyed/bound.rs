//! The bound on how many requests wait, over all keys.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Counts tickets: each request that waits for its key's gate holds one.
///
/// Those that find no ticket are woken in the order of their first polls. One that was woken and does not
/// come (a service that lost a `select!` and is merely kept) holds no ticket back: whoever polls takes it.
///
/// A waiter shows itself before it tries for a ticket once more, and a ticket is put back before anybody looks
/// for waiters. So one of the two sees the other.
#[derive(Debug)]
pub(super) struct Bound {
    /// How many tickets there are.
    max: usize,
    /// How many are out.
    held: AtomicUsize,
    /// Whether anybody waits for one.
    is_awaited: AtomicBool,
    line: Mutex<Line>,
}

/// Those who wait for a ticket.
#[derive(Debug, Default)]
struct Line {
    /// The last place that was given.
    last: u64,
    /// `None`: woken since it last polled.
    wakers: BTreeMap<u64, Option<Waker>>,
}

impl Bound {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            held: AtomicUsize::new(0),
            is_awaited: AtomicBool::new(false),
            line: Mutex::default(),
        }
    }

    pub(super) fn held(&self) -> usize {
        self.held.load(SeqCst)
    }

    /// Takes a ticket, or waits for one. `place` is where the caller stands in the line.
    #[inline]
    pub(super) fn poll_take(&self, place: &mut Option<u64>, cx: &Context<'_>) -> Poll<()> {
        if place.is_none() && self.take() {
            return Poll::Ready(());
        }
        self.poll_line(place, cx)
    }

    #[inline]
    fn take(&self) -> bool {
        let more = |held| (held < self.max).then_some(held + 1);
        self.held.fetch_update(SeqCst, SeqCst, more).is_ok()
    }

    /// The same for those who found no ticket, now or before.
    #[cold]
    fn poll_line(&self, place: &mut Option<u64>, cx: &Context<'_>) -> Poll<()> {
        // Cloned and dropped without the lock: a waker is foreign code.
        let waker = cx.waker().clone();
        let mut line = self.lock();
        self.is_awaited.store(true, SeqCst);
        let (former, poll) = if self.take() {
            let former = place.take().and_then(|place| line.wakers.remove(&place));
            (former, Poll::Ready(()))
        } else {
            let place = *place.get_or_insert_with(|| {
                line.last += 1;
                line.last
            });
            (line.wakers.insert(place, Some(waker)), Poll::Pending)
        };
        self.unlock(line);
        drop(former);
        poll
    }

    /// Gives up a place in the line. If its owner was woken for a ticket, the next one is.
    pub(super) fn give_up(&self, place: u64) {
        let mut line = self.lock();
        let former = line.wakers.remove(&place);
        let was_woken = matches!(former, Some(None));
        let next = if was_woken && self.held() < self.max {
            line.next()
        } else {
            None
        };
        self.unlock(line);
        drop(former);
        next.into_iter().for_each(Waker::wake);
    }

    /// Takes a ticket back.
    #[inline]
    pub(super) fn put_back(&self) {
        self.held.fetch_sub(1, SeqCst);
        if self.is_awaited.load(SeqCst) {
            self.wake();
        }
    }

    /// Wakes the first in line. Some of those who were woken before may never come. As long as a ticket is out,
    /// another wake follows; with the last one, all are woken.
    #[cold]
    fn wake(&self) {
        let mut line = self.lock();
        let woken: Vec<Waker> = if self.held() == 0 {
            line.wakers.values_mut().filter_map(Option::take).collect()
        } else {
            line.next().into_iter().collect()
        };
        self.unlock(line);
        woken.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unlock(&self, line: MutexGuard<'_, Line>) {
        self.is_awaited.store(!line.wakers.is_empty(), SeqCst);
        drop(line);
    }
}

impl Line {
    /// The waker of the first who was not woken yet.
    fn next(&mut self) -> Option<Waker> {
        self.wakers.values_mut().find_map(Option::take)
    }
}
