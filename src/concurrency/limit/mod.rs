//! The algorithms that decide how much may be in flight, and when.

mod aimd;
mod fixed;
mod gradient2;
mod learned;
mod level;
mod vegas;

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

pub use self::aimd::Aimd;
pub use self::fixed::Fixed;
pub use self::gradient2::Gradient2;
pub use self::learned::{Learned, Tuning};
pub use self::vegas::Vegas;
use crate::hint::Hint;

/// The limit to start with, unless told otherwise.
pub(crate) const DEFAULT_INITIAL: usize = 4;
/// The least that a limit shrinks to, unless told otherwise.
pub(crate) const DEFAULT_MIN: usize = 1;
/// The most that a limit grows to, unless told otherwise.
pub(crate) const DEFAULT_MAX: usize = 1000;

/// Decides how many requests may be in flight, and when the next may go.
///
/// An implementation does no I/O and reads no clock of its own: the gate tells it the time and
/// what happened. The gate calls it under its lock, so every method must be quick, must not block
/// and must not panic.
pub trait Limit: fmt::Debug + Send + 'static {
    /// How many more requests may go now, and when time alone will allow more.
    fn headroom(&mut self, now: &Now, load: Load) -> Headroom;

    /// A request was let through; `load` includes it.
    fn on_send(&mut self, now: &Now, load: Load);

    /// Whether it matters when the request `seq`, of which [`Limit::on_send`] was just told, is sent.
    /// If not, no clock is read for it, and [`Sent::at`] is `None`. By default it does.
    fn wants_time(&self, seq: u64, load: Load) -> bool {
        let _ = (seq, load);
        true
    }

    /// A request that was let through was answered, failed, or was given up. `load` no longer
    /// includes it if its permit came back with the outcome.
    fn on_outcome(&mut self, now: &Now, sent: &Sent, outcome: Outcome<'_>, load: Load);

    /// For how long nobody is let through because of the refusal that [`Limit::on_outcome`] was
    /// just told of, or of which the body has just been read. By default as long as the server
    /// asked.
    fn pause_for(&mut self, now: &Now, hint: &Hint) -> Option<Duration> {
        let _ = now;
        hint.wait()
    }

    /// The number of requests that may be in flight.
    fn limit(&self) -> usize;

    /// The pace in requests per second, if this limit keeps one. By default none.
    fn rate(&self) -> Option<f64> {
        None
    }

    /// Sets the number of requests that may be in flight; learning goes on from there.
    fn set_limit(&mut self, limit: usize);

    /// Bounds the limit from now on, both ends included.
    fn set_bounds(&mut self, min: usize, max: usize);

    /// Sets for how long nobody may be held back at the most, whatever the server asked or the
    /// limit learned. By default nothing: a limit that never waits for time has no use for it.
    fn set_max_wait(&mut self, max: Duration) {
        let _ = max;
    }

    /// Begins all random numbers anew from `seed`, so that a run can be repeated. By default nothing:
    /// a limit that draws none has no use for it.
    fn set_seed(&mut self, seed: u64) {
        let _ = seed;
    }
}

/// The time, read once and only if somebody asks.
#[derive(Debug)]
pub struct Now {
    epoch: Instant,
    read: Cell<Option<Duration>>,
}

impl Now {
    /// The time since `epoch`, when it is asked for.
    #[cfg_attr(
        all(test, throttle_loom),
        allow(dead_code, reason = "the model has a time of its own")
    )]
    pub(crate) fn since(epoch: Instant) -> Self {
        Self {
            epoch,
            read: Cell::new(None),
        }
    }

    /// A given time since the gate was made: for tests and simulations of a [`Limit`].
    #[must_use]
    pub fn at(since_start: Duration) -> Self {
        Self {
            epoch: Instant::now(),
            read: Cell::new(Some(since_start)),
        }
    }

    /// The time since the gate was made.
    #[must_use]
    pub fn get(&self) -> Duration {
        self.read.get().unwrap_or_else(|| {
            let now = Instant::now().saturating_duration_since(self.epoch);
            self.read.set(Some(now));
            now
        })
    }
}

/// What is going on at the gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests that have a permit.
    pub in_flight: usize,
    /// Requests that wait for one.
    pub waiting: usize,
}

/// What the gate noted when it let a request through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// How many requests were let through before it.
    pub seq: u64,
    /// When it was sent, since the gate was made: `None` if the limit
    /// [did not want to know](Limit::wants_time), or if the outcome became known long after the answer.
    pub at: Option<Duration>,
    /// How many were in flight then, itself included.
    pub in_flight: usize,
}

impl Sent {
    /// How long its answer took that comes `now`, if it was timed when it went.
    #[must_use]
    pub fn latency(&self, now: &Now) -> Option<Duration> {
        Some(now.get().saturating_sub(self.at?))
    }
}

/// What the gate has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// How many more requests may go now.
    pub slots: usize,
    /// When time alone will allow one more, if it will. It is asked again then; a time that has
    /// passed counts as a moment from now.
    pub opens_at: Option<Duration>,
}

impl Headroom {
    /// What is left of `limit`; time alone opens nothing.
    #[must_use]
    pub fn of(limit: usize, load: Load) -> Self {
        Self {
            slots: limit.saturating_sub(load.in_flight),
            opens_at: None,
        }
    }
}

/// How a request ended, as far as a limit is concerned.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// Served, whatever the answer was.
    Accepted(&'a Hint),
    /// Refused for lack of quota or capacity.
    Refused {
        /// The answer's status: a 429 speaks of this client, a 503 or 529 of the server.
        status: http::StatusCode,
        /// What the answer said.
        hint: &'a Hint,
    },
    /// Failed in a way that says nothing of a limit: a connection error, a 500.
    Failed,
    /// Given up by the caller before an answer came.
    Ignored,
}
