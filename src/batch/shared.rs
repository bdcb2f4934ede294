//! What a batch and its handles share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::progress::Progress;
use super::rate::Rate;

/// The counts, and whether the batch is closed.
#[derive(Debug, Default)]
pub(super) struct Shared {
    counts: Mutex<Counts>,
    closed: AtomicBool,
    /// Whoever polls the batch.
    polls: AtomicWaker,
}

#[derive(Debug, Default)]
struct Counts {
    done: u64,
    recalled: u64,
    failed: u64,
    not_sent: u64,
    waiting: usize,
    in_flight: usize,
    held: usize,
    /// How many items were taken from the stream.
    taken: u64,
    /// How many the stream still has, if it says so.
    left: Option<u64>,
    /// `None` before the first poll.
    rate: Option<Rate>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Done,
    Recalled,
    Failed,
    NotSent,
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // No foreign code runs under the lock, so the counts are whole.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to measure, with the first poll.
    pub(super) fn begin(&self) {
        let now = Instant::now();
        self.counts().rate.get_or_insert_with(|| Rate::new(now));
    }

    /// Takes in that an item was taken from the stream, and how many it still has.
    pub(super) fn took(&self, left: Option<u64>) {
        let mut counts = self.counts();
        counts.taken += 1;
        counts.left = left;
    }

    /// Takes in how many items the stream still has.
    pub(super) fn has_left(&self, left: Option<u64>) {
        self.counts().left = left;
    }

    /// Takes in how a request ended. Its result is held from now on.
    pub(super) fn ended(&self, end: End) {
        let now = Instant::now();
        let mut counts = self.counts();
        counts.held += 1;
        match end {
            End::Done => counts.done += 1,
            End::Failed => counts.failed += 1,
            End::NotSent => counts.not_sent += 1,
            End::Recalled => {
                counts.done += 1;
                counts.recalled += 1;
            }
        }
        if let (End::Done | End::Failed, Some(rate)) = (end, &mut counts.rate) {
            rate.record(now);
        }
    }

    /// Takes in that a result was handed over.
    pub(super) fn handed_over(&self) {
        self.counts().held -= 1;
    }

    pub(super) fn progress(&self) -> Progress {
        let now = Instant::now();
        let counts = self.counts();
        let rate = counts.rate.map_or(0.0, |rate| rate.per_second(now));
        let total = counts.left.map(|left| counts.taken + left);
        let ended = counts.done + counts.failed + counts.not_sent;
        let left = total.map(|total| total.saturating_sub(ended));
        Progress {
            done: counts.done,
            recalled: counts.recalled,
            failed: counts.failed,
            not_sent: counts.not_sent,
            waiting: counts.waiting,
            in_flight: counts.in_flight,
            held: counts.held,
            total,
            elapsed: counts
                .rate
                .map_or(Duration::ZERO, |rate| now - rate.began()),
            rate,
            left: left.and_then(|left| time_for(left, rate)),
        }
    }

    /// Closes the batch, and has it polled.
    pub(super) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.polls.wake();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether the batch is closed. If not, the waker is woken when it is.
    pub(super) fn poll_closed(&self, waker: &Waker) -> bool {
        self.polls.register(waker);
        self.is_closed()
    }
}

/// How long it takes to answer this many requests. `None` if it takes for ever.
fn time_for(requests: u64, rate: f64) -> Option<Duration> {
    if requests == 0 {
        return Some(Duration::ZERO);
    }
    Duration::try_from_secs_f64(requests as f64 / rate).ok()
}

/// Where a request is, for the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    InFlight,
    Ended,
}

/// Counts a request where it is, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    shared: Arc<Shared>,
    stage: Stage,
}

impl Counted {
    /// Counts a request that waits for the client.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        shared.counts().waiting += 1;
        Self {
            shared,
            stage: Stage::Waiting,
        }
    }

    /// The client took the request.
    pub(super) fn called(&mut self) {
        self.move_to(Stage::InFlight);
    }

    /// The request is done with.
    pub(super) fn ended(&mut self) {
        self.move_to(Stage::Ended);
    }

    fn move_to(&mut self, stage: Stage) {
        let mut counts = self.shared.counts();
        for (of, by) in [(self.stage, -1), (stage, 1)] {
            let count = match of {
                Stage::Waiting => &mut counts.waiting,
                Stage::InFlight => &mut counts.in_flight,
                Stage::Ended => continue,
            };
            *count = count.saturating_add_signed(by);
        }
        self.stage = stage;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.stage != Stage::Ended {
            self.ended();
        }
    }
}
