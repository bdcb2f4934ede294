//! The time during which nobody is let through.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::concurrency::limit::Now;
use crate::hint::DEFAULT_MAX_SERVER_WAIT;
use crate::random;

/// Upward jitter of a wait that a server asks for: at most this share of it, and at most this long.
const JITTER: f64 = 0.05;
const MAX_JITTER: Duration = Duration::from_millis(500);

/// A pause, if there is one.
#[derive(Debug)]
pub(super) struct Pause {
    until: Option<Duration>,
    max: Duration,
    random: SmallRng,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            until: None,
            max: DEFAULT_MAX_SERVER_WAIT,
            random: random::stream(),
        }
    }
}

impl Pause {
    /// When it ends, if it lasts.
    pub(super) fn until(&self, now: &Now) -> Option<Duration> {
        self.until.filter(|until| now.get() < *until)
    }

    /// When it ends, or ended if nobody has seen that. Reads no clock.
    pub(super) fn ends_at(&self) -> Option<Duration> {
        self.until
    }

    /// Forgets a pause that is over, and tells whether there was one.
    pub(super) fn expire(&mut self, now: &Now) -> bool {
        let over = self.until.is_some() && self.until(now).is_none();
        if over {
            self.until = None;
        }
        over
    }

    /// Whether a pause was set that nobody has seen the end of. Reads no clock.
    pub(super) fn is_set(&self) -> bool {
        self.until.is_some()
    }

    /// The server asks for a wait. One that is longer than acceptable pauses nobody.
    pub(super) fn ask(&mut self, now: &Now, wait: Duration) {
        if wait.is_zero() || wait > self.max {
            return;
        }
        let jitter = wait.mul_f64(JITTER).min(MAX_JITTER);
        let jitter = jitter.mul_f64(self.random.random::<f64>());
        self.begin(now, wait.saturating_add(jitter).min(self.max));
    }

    /// Lasts for at least `wait` from now on.
    pub(super) fn begin(&mut self, now: &Now, wait: Duration) {
        let until = now.get().saturating_add(wait);
        self.until = Some(self.until.map_or(until, |old| old.max(until)));
    }

    pub(super) fn end(&mut self) {
        self.until = None;
    }

    pub(super) fn max(&self) -> Duration {
        self.max
    }

    pub(super) fn set_seed(&mut self, seed: u64) {
        self.random = SmallRng::seed_from_u64(seed);
    }

    pub(super) fn set_max(&mut self, max: Duration) {
        self.max = max;
    }
}
