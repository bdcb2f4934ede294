//! What a waiter has, and what it gets.

use std::time::Duration;

use super::alarm::Alarm;
use super::line::Spot;
use super::observed::Watched;
use crate::concurrency::limit::Sent;

/// Where a request waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) spot: Spot,
    /// Since when, if somebody observes that.
    pub(super) since: Option<Duration>,
}

/// What is noted of a request that is let through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Granted {
    pub(super) sent: Sent,
    /// When it came, among all others: with it, it may come back to its place.
    pub(super) ticket: u64,
    pub(super) watched: Watched,
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
