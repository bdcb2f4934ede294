//! The answers whose bodies hold a place, and when one that nobody reads gives it back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::concurrency::limit::Now;

/// After how long a body that is not polled counts as not read, by default: 1 s. See
/// [`body_idle`](crate::AdaptiveConcurrencyLayer::body_idle).
pub const DEFAULT_BODY_IDLE: Duration = Duration::from_secs(1);

/// A body whose last poll found nothing yet is waited for by its reader, and the server is at work. It
/// holds its place for this many times as long as one that nobody reads: a reader may have walked away.
const PATIENCE: u32 = 60;

/// How many sweeps over all bodies there are, at most, within the time after which a body counts as not
/// read. A thousand streams cost next to nothing then.
const SWEEPS: u32 = 8;

/// The timers that sweeps wait for have no finer grain.
const TICK: Duration = Duration::from_millis(1);

/// When a body was last polled, and whether there was nothing yet. Its reader records it without the
/// gate's lock; a little late is early enough.
#[derive(Clone, Debug)]
pub(super) struct LastPoll(Arc<AtomicU64>);

impl LastPoll {
    fn new(at: Duration) -> Self {
        Self(Arc::new(AtomicU64::new(Self::pack(at, false))))
    }

    pub(super) fn record(&self, at: Duration, pending: bool) {
        self.0.store(Self::pack(at, pending), Ordering::Relaxed);
    }

    fn pack(at: Duration, pending: bool) -> u64 {
        let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        (nanos << 1) | u64::from(pending)
    }

    fn get(&self) -> (Duration, bool) {
        let packed = self.0.load(Ordering::Relaxed);
        (Duration::from_nanos(packed >> 1), packed & 1 == 1)
    }
}

/// The bodies that hold a place and may lose it, by the numbers of their requests.
#[derive(Debug)]
pub(super) struct Bodies {
    idle: Duration,
    held: BTreeMap<u64, LastPoll>,
    /// No body loses its place before.
    next_sweep: Duration,
}

impl Default for Bodies {
    fn default() -> Self {
        Self {
            idle: DEFAULT_BODY_IDLE,
            held: BTreeMap::new(),
            next_sweep: Duration::MAX,
        }
    }
}

impl Bodies {
    pub(super) fn set_idle(&mut self, idle: Duration) {
        self.idle = idle;
    }

    /// A body holds a place from now on. `None` if it holds it to its end in any case.
    pub(super) fn hold(&mut self, now: &Now, seq: u64) -> Option<LastPoll> {
        if self.idle == Duration::MAX {
            return None;
        }
        if self.held.is_empty() {
            self.next_sweep = Duration::MAX;
        }
        let ends = now.get().saturating_add(self.idle);
        self.next_sweep = self.next_sweep.min(ends);
        let last = LastPoll::new(now.get());
        self.held.insert(seq, last.clone());
        Some(last)
    }

    /// A body is gone. Whether it still had its place.
    pub(super) fn end(&mut self, seq: u64) -> bool {
        self.held.remove(&seq).is_some()
    }

    /// When a body may lose its place, at the earliest.
    pub(super) fn next_sweep(&self) -> Option<Duration> {
        (!self.held.is_empty()).then_some(self.next_sweep)
    }

    /// Takes their places from the bodies that are not read, and tells how many there were.
    pub(super) fn sweep(&mut self, now: &Now) -> usize {
        if self.held.is_empty() || now.get() < self.next_sweep {
            return 0;
        }
        let (now, idle, before) = (now.get(), self.idle, self.held.len());
        let mut next = Duration::MAX;
        self.held.retain(|_, last| {
            let (polled, pending) = last.get();
            let ends = if pending {
                polled.saturating_add(idle.saturating_mul(PATIENCE))
            } else {
                polled.saturating_add(idle)
            };
            // The next poll of one that waits may find something, and be the last.
            let earliest = if pending {
                ends.min(now.saturating_add(idle))
            } else {
                ends
            };
            next = next.min(earliest);
            ends > now
        });
        let apart = (idle / SWEEPS).max(TICK);
        self.next_sweep = next.max(now.saturating_add(apart));
        before - self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Now {
        Now::at(Duration::from_millis(millis))
    }

    #[test]
    fn sweeps_are_few_however_many_bodies_there_are() {
        let mut bodies = Bodies::default();
        let held: Vec<_> = (0..1000)
            .map(|seq| bodies.hold(&at(seq), seq).unwrap())
            .collect();
        let mut sweeps = 0;
        for millis in 1000..11_000 {
            // All are read all the time.
            held.iter()
                .for_each(|last| last.record(Duration::from_millis(millis), false));
            let due = bodies.next_sweep;
            assert_eq!(bodies.sweep(&at(millis)), 0);
            sweeps += u32::from(bodies.next_sweep != due);
        }
        assert!((10..=80).contains(&sweeps), "{sweeps}");
    }

    #[test]
    fn a_body_that_is_waited_for_keeps_its_place_sixty_times_as_long() {
        let mut bodies = Bodies::default();
        let last = bodies.hold(&at(0), 7).unwrap();
        last.record(Duration::from_millis(500), true);
        for millis in (1000..60_500).step_by(100) {
            assert_eq!(bodies.sweep(&at(millis)), 0, "{millis}");
        }
        assert_eq!(bodies.sweep(&at(61_500)), 1);
        assert!(!bodies.end(7), "it has no place any more");
    }

    #[test]
    fn a_body_that_was_waited_for_and_is_then_not_read_is_noticed() {
        let mut bodies = Bodies::default();
        let last = bodies.hold(&at(0), 7).unwrap();
        last.record(Duration::from_millis(900), true);
        assert_eq!(bodies.sweep(&at(1000)), 0);
        last.record(Duration::from_millis(1100), false);
        assert!(bodies.next_sweep <= Duration::from_millis(2100));
        assert_eq!(bodies.sweep(&at(2100)), 1);
    }

    #[test]
    fn a_body_that_holds_its_place_to_the_end_is_not_watched() {
        let mut bodies = Bodies::default();
        bodies.set_idle(Duration::MAX);
        assert!(bodies.hold(&at(0), 7).is_none());
        assert_eq!(bodies.next_sweep(), None);
    }
}
