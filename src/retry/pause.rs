//! The pause: nobody is sent until then, because a server asked.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rand::rngs::SmallRng;
use tokio::time::{Instant, Sleep, sleep_until};

use super::time::{later, spread};
use crate::random::Streams;

/// The pause of a layer.
///
/// It stands alone, no other data is published through it, so relaxed ordering will do.
pub(super) struct Pause {
    epoch: Instant,
    /// Nanoseconds from the epoch to the end of the pause; 0 while there is none.
    nanos: AtomicU64,
}

/// A wait for the end of the pause.
pub(super) struct PauseWait {
    sleep: Pin<Box<Sleep>>,
    /// When it ends, even if the pause was prolonged.
    latest: Instant,
    rng: SmallRng,
}

impl Pause {
    pub(super) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            nanos: AtomicU64::new(0),
        }
    }

    /// Nobody is to send before `until`. Pauses only grow. Returns whether this one did.
    pub(super) fn prolong(&self, until: Instant) -> bool {
        let until = until.saturating_duration_since(self.epoch).as_nanos();
        let until = u64::try_from(until).unwrap_or(u64::MAX);
        self.nanos.fetch_max(until, Relaxed) < until
    }

    /// Whether there is a pause, or was one that nobody looked at since.
    #[inline]
    pub(super) fn may_last(&self) -> bool {
        self.nanos.load(Relaxed) != 0
    }

    /// When the pause ends, if there is one.
    pub(super) fn until(&self) -> Option<Instant> {
        match self.nanos.load(Relaxed) {
            0 => None,
            nanos => Some(later(self.epoch, Duration::from_nanos(nanos))),
        }
    }

    /// Waits the pause out, but no longer than until the time that `latest` makes of the present. Returns whether
    /// this was the first to see that it is over.
    pub(super) fn poll(
        &self,
        wait: &mut Option<PauseWait>,
        latest: impl FnOnce(Instant) -> Instant,
        random: &Streams,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        let mut is_over = false;
        if wait.is_none() {
            let Some(until) = self.until() else {
                return Poll::Ready(false);
            };
            let now = Instant::now();
            let latest = latest(now);
            if until <= now || latest <= now {
                return Poll::Ready(self.forget_past(until, now));
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
                match self.until() {
                    Some(until) if until > now && waiting.latest > now => {
                        let until = spread(until, now, &mut waiting.rng);
                        waiting.sleep.as_mut().reset(until.min(waiting.latest));
                    }
                    Some(until) => {
                        is_over = self.forget_past(until, now);
                        break;
                    }
                    None => break,
                }
            }
        }
        *wait = None;
        Poll::Ready(is_over)
    }

    /// Spares those who come later the look at the clock. Returns whether this was the first to do so.
    fn forget_past(&self, until: Instant, now: Instant) -> bool {
        if until > now {
            return false;
        }
        let seen = self.nanos.load(Relaxed);
        seen != 0
            && later(self.epoch, Duration::from_nanos(seen)) <= now
            && self
                .nanos
                .compare_exchange(seen, 0, Relaxed, Relaxed)
                .is_ok()
    }
}
