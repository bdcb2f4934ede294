//! What all requests through one layer share: the pause, the circuit, and how long answers take.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rand::rngs::SmallRng;
use tokio::time::{Instant, Sleep, sleep_until};

use super::backoff::above;
use super::circuit::Circuit;
use super::latency::Latency;
use crate::random::Streams;

/// Shared by a layer, its clones, and every service it made.
///
/// The pause stands alone, no other data is published through it, so relaxed ordering will do.
pub(super) struct Shared {
    epoch: Instant,
    /// Nanoseconds from the epoch to the end of the pause; 0 while there is none.
    paused_until: AtomicU64,
    pub(super) circuit: Circuit,
    pub(super) latency: Latency,
}

/// A wait for the end of the pause.
pub(super) struct PauseWait {
    sleep: Pin<Box<Sleep>>,
    /// When it ends, even if the pause was prolonged.
    latest: Instant,
    rng: SmallRng,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            paused_until: AtomicU64::new(0),
            circuit: Circuit::new(),
            latency: Latency::default(),
        }
    }

    /// Nobody is to send before `until`. Pauses only grow.
    pub(super) fn pause(&self, until: Instant) {
        let until = until.saturating_duration_since(self.epoch).as_nanos();
        self.paused_until
            .fetch_max(u64::try_from(until).unwrap_or(u64::MAX), Relaxed);
    }

    /// Whether there is a pause, or was one that nobody looked at since.
    #[inline]
    pub(super) fn may_be_paused(&self) -> bool {
        self.paused_until.load(Relaxed) != 0
    }

    /// When the pause ends, if there is one.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        match self.paused_until.load(Relaxed) {
            0 => None,
            nanos => Some(later(self.epoch, Duration::from_nanos(nanos))),
        }
    }

    /// Waits the pause out, but no longer than until the time that `latest` makes of the present.
    pub(super) fn poll_pause(
        &self,
        wait: &mut Option<PauseWait>,
        latest: impl FnOnce(Instant) -> Instant,
        random: &Streams,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if wait.is_none() {
            let Some(until) = self.paused_until() else {
                return Poll::Ready(());
            };
            let now = Instant::now();
            let latest = latest(now);
            if until <= now || latest <= now {
                self.forget_past(until, now);
                return Poll::Ready(());
            }
            let mut rng = random.draw();
            let sleep = Box::pin(sleep_until(spread(until, now, &mut rng).min(latest)));
            *wait = Some(PauseWait { sleep, latest, rng });
        }
        if let Some(waiting) = wait {
            loop {
                ready!(waiting.sleep.as_mut().poll(cx));
                // Somebody may have been refused again meanwhile.
                let now = Instant::now();
                match self.paused_until() {
                    Some(until) if until > now && waiting.latest > now => {
                        let until = spread(until, now, &mut waiting.rng);
                        waiting.sleep.as_mut().reset(until.min(waiting.latest));
                    }
                    Some(until) => break self.forget_past(until, now),
                    None => break,
                }
            }
        }
        *wait = None;
        Poll::Ready(())
    }

    /// Spares those who come later the look at the clock.
    fn forget_past(&self, until: Instant, now: Instant) {
        if until <= now {
            let seen = self.paused_until.load(Relaxed);
            if later(self.epoch, Duration::from_nanos(seen)) <= now {
                let _ = self
                    .paused_until
                    .compare_exchange(seen, 0, Relaxed, Relaxed);
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("paused", &self.paused_until().is_some())
            .field("circuit", &self.circuit)
            .finish()
    }
}

/// `until`, and a little later, so that those who wait for the same moment do not wake in step.
pub(super) fn spread(until: Instant, now: Instant, rng: &mut SmallRng) -> Instant {
    later(until, above(until.saturating_duration_since(now), rng))
}

/// `from + by`, for any `by`: what lies beyond the clock's range counts as a century.
pub(super) fn later(from: Instant, by: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    from.checked_add(by.min(CENTURY)).unwrap_or(from)
}
