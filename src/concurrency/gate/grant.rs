//! What a waiter has, and what it gets.

use std::time::Duration;

use tokio::time::Instant;

use super::alarm::Alarm;
use super::line::Spot;
use crate::concurrency::limit::Sent;

/// What is known of an attempt for its observers only.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watched {
    /// When it was sent. `None` if nobody observes, or if that says nothing of its answer.
    pub(super) at: Option<Instant>,
    /// Its number, counted from 1.
    pub(super) attempt: u32,
}

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

/// How far a request has come at the gate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// It was not polled, or was sent.
    New,
    Waiting(Waiting),
    /// Not sent yet: the time in it, if there is one, is still to be noted.
    Granted(Granted),
}

impl Stage {
    #[inline]
    pub(super) fn take_granted(&mut self) -> Option<Granted> {
        let Self::Granted(granted) = *self else {
            return None;
        };
        *self = Self::New;
        Some(granted)
    }
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
