//! Which services fail at once, and are left out while others serve.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After this many failures in a row, with no answer between.
const FAILURES: u32 = 5;

/// From the last failure to the first probe. Each probe doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest time between two probes.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Who waits elsewhere asks again this often: the service may be back, and its line was left.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What all clones of a spread know of its services.
#[derive(Debug)]
pub(super) struct Shared {
    health: Box<[Health]>,
    /// Counts the waits, so that each begins at another service.
    turn: AtomicUsize,
}

#[derive(Debug, Default)]
struct Health {
    /// How many requests have failed since the last that did not.
    failures: AtomicU32,
    probe: Mutex<Option<Probe>>,
}

/// When one request is let through to a service that fails.
#[derive(Clone, Copy, Debug)]
struct Probe {
    at: Instant,
    wait: Duration,
}

/// Whether a service is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// As usual.
    Open,
    /// By the caller, as a probe.
    Probe,
    /// By nobody until then.
    LeftOut(Instant),
}

impl Shared {
    pub(super) fn new(services: usize) -> Self {
        assert!(services > 0, "a spread over nothing");
        Self {
            health: (0..services).map(|_| Health::default()).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    /// Where the next wait begins.
    pub(super) fn first(&self) -> usize {
        self.turn.fetch_add(1, Relaxed) % self.health.len()
    }

    /// Whether some services fail, and others do not. If all fail, none is better than another.
    pub(super) fn is_divided(&self) -> bool {
        let failing = self.health.iter().filter(|health| health.fails()).count();
        failing > 0 && failing < self.health.len()
    }

    /// Whether to ask a service, where others serve. The one who is told [`Turn::Probe`] is the only one.
    pub(super) fn turn(&self, at: usize) -> Turn {
        let health = &self.health[at];
        if !health.fails() {
            return Turn::Open;
        }
        let mut probe = health.probe.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = probe.get_or_insert(Probe {
            at: now + FIRST_WAIT,
            wait: FIRST_WAIT,
        });
        if now < due.at {
            return Turn::LeftOut(due.at.min(now + ASK_AGAIN));
        }
        due.wait = due.wait.saturating_mul(2).min(LONGEST_WAIT);
        due.at = now + due.wait;
        Turn::Probe
    }

    pub(super) fn on_answer(&self, at: usize) {
        let health = &self.health[at];
        if health.failures.load(Relaxed) == 0 {
            return;
        }
        let mut probe = health.probe.lock().unwrap_or_else(PoisonError::into_inner);
        health.failures.store(0, Relaxed);
        *probe = None;
    }

    pub(super) fn on_failure(&self, at: usize) {
        let failures = &self.health[at].failures;
        let _ = failures.fetch_update(Relaxed, Relaxed, |count| count.checked_add(1));
    }
}

impl Health {
    fn fails(&self) -> bool {
        self.failures.load(Relaxed) >= FAILURES
    }
}
