//! What the gate tells a limit, and what a limit answers.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use crate::cost::Cost;
use crate::hint::Hint;

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

    /// A given time since the gate was made: for tests and simulations of a [`Limit`](super::Limit).
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
#[non_exhaustive]
pub struct Load {
    /// Requests that have a permit.
    pub in_flight: usize,
    /// Requests that wait for one.
    pub waiting: usize,
}

impl Load {
    /// Creates a load of `in_flight` requests with a permit, and `waiting` ones without.
    #[must_use]
    pub const fn new(in_flight: usize, waiting: usize) -> Self {
        Self { in_flight, waiting }
    }
}

/// What the gate recorded when it let a request through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// How many requests were let through before it.
    pub seq: u64,
    /// When it was sent, since the gate was made: `None` if the limit
    /// [did not want to know](super::Limit::wants_time), or if the outcome became known long after the answer.
    pub at: Option<Duration>,
    /// How many were in flight then, itself included.
    pub in_flight: usize,
    /// What it was charged. `None` while that is not known, and if nobody tells it.
    pub cost: Option<Cost>,
}

impl Sent {
    /// Creates the record of a request, for tests and simulations of a [`Limit`](super::Limit). Each argument is the field
    /// of that name, and no cost is known.
    #[must_use]
    pub const fn new(seq: u64, at: Option<Duration>, in_flight: usize) -> Self {
        Self {
            seq,
            at,
            in_flight,
            cost: None,
        }
    }

    /// Returns how long the answer took that comes `now`, if it was recorded when the request was sent.
    #[must_use]
    pub fn latency(&self, now: &Now) -> Option<Duration> {
        Some(now.get().saturating_sub(self.at?))
    }
}

/// What the gate has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Headroom {
    /// How many more requests may go now.
    pub slots: usize,
    /// When time alone will allow one more, if it will. It is asked again then; a time that has
    /// passed counts as a moment from now.
    pub opens_at: Option<Duration>,
}

impl Headroom {
    /// Creates a headroom of `slots` requests now, and of one more at `opens_at`. Each argument is the field
    /// of that name.
    #[must_use]
    pub const fn new(slots: usize, opens_at: Option<Duration>) -> Self {
        Self { slots, opens_at }
    }

    /// Returns what is left of `limit`; time alone opens nothing.
    #[must_use]
    pub const fn of(limit: usize, load: Load) -> Self {
        Self::new(limit.saturating_sub(load.in_flight), None)
    }
}

/// How a request ended, as far as a limit is concerned.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// Served, whatever the answer was.
    Accepted(&'a Hint),
    /// Refused for lack of quota or capacity. [`Outcome::refused`] makes one.
    #[non_exhaustive]
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

impl<'a> Outcome<'a> {
    /// Creates an [`Outcome::Refused`] from the status of the answer and what the answer said.
    #[must_use]
    pub const fn refused(status: http::StatusCode, hint: &'a Hint) -> Self {
        Self::Refused { status, hint }
    }
}
