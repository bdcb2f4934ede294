//! The algorithms that decide how much may be in flight, and when.

use std::fmt;
use std::time::Duration;

use crate::hint::Hint;

/// Decides how many requests may be in flight, and when the next may go.
///
/// An implementation does no I/O and reads no clock: the gate tells it the time, as a duration
/// since the gate was made, and what happened. The gate calls it under its lock, so every method
/// must be quick and must not block.
pub trait Limit: fmt::Debug + Send + 'static {
    /// How many more requests may go at `now`, and when time alone will allow more.
    fn headroom(&mut self, now: Duration, load: Load) -> Headroom;

    /// A request goes out. `sent` is what [`Limit::on_outcome`] will be given back.
    fn on_send(&mut self, sent: &Sent);

    /// A request that went out was answered, failed, or was given up.
    fn on_outcome(&mut self, now: Duration, sent: &Sent, outcome: Outcome<'_>, load: Load);

    /// The number of requests that may be in flight.
    fn limit(&self) -> usize;

    /// Sets the number of requests that may be in flight; learning goes on from there.
    fn set_limit(&mut self, limit: usize);

    /// Bounds the limit, from now on.
    fn set_bounds(&mut self, min: usize, max: usize);
}

/// What is going on at the gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Load {
    /// Requests in flight.
    pub in_flight: usize,
    /// Requests waiting for a permit.
    pub waiting: usize,
}

/// What the gate noted when it let a request through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// How many requests went before it.
    pub seq: u64,
    /// When it went.
    pub at: Duration,
    /// How many were in flight then, itself included.
    pub in_flight: usize,
}

/// What the gate has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// How many requests may go now.
    pub slots: usize,
    /// When time alone will allow one more, if it will.
    pub opens_at: Option<Duration>,
}

/// How a request ended, as far as a limit is concerned.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// Served, whatever the answer was.
    Accepted(&'a Hint),
    /// Refused for lack of quota or capacity.
    Refused(&'a Hint),
    /// Failed in a way that says nothing of a limit: a connection error, a 500.
    Failed,
    /// Given up by the caller before an answer came.
    Ignored,
}
