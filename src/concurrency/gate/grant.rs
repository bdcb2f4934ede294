//! What a waiter has, and what it gets.

use super::alarm::Alarm;
use crate::concurrency::limit::Sent;

/// A place in the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) id: u64,
}

/// What is noted of a request that is let through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Granted {
    pub(super) sent: Sent,
    /// Where it stood in the line, or would have stood.
    pub(super) tag: u64,
}

/// What a poll at the gate came to.
#[derive(Debug)]
pub(super) enum Pass {
    /// Through, with what was noted.
    Granted(Granted),
    /// Nobody goes any more.
    Closed,
    /// Not yet; the caller must set this alarm.
    Pending(Option<Alarm>),
}
