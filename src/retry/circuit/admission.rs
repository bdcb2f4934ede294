//! What the circuit is told, and what it says.

use std::time::Duration;

use tokio::time::Instant;

use crate::message::Unsent;

/// What came of an attempt that was not accepted.
#[derive(Clone, Copy, Debug)]
pub(in crate::retry) struct Rejection {
    pub(in crate::retry) at: Instant,
    /// What the server asked for.
    pub(in crate::retry) wait: Option<Duration>,
    /// The server serves nobody like this one, as far as one answer can tell.
    pub(in crate::retry) for_good: bool,
    /// What kind of request it was, if that is known.
    pub(in crate::retry) route: Option<u64>,
}

impl Rejection {
    /// A failure in which the server said nothing of limits.
    pub(in crate::retry) fn without_word(at: Instant) -> Self {
        Self {
            at,
            wait: None,
            for_good: false,
            route: None,
        }
    }
}

/// What may be done with a request that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::retry) enum Admission {
    /// Send it.
    Send,
    /// Send it, and tell what came of it: it is the probe.
    Probe,
    /// Keep it until the probe that is out has ended, and no longer than until then: requests like it may be
    /// served. With the number of probes that have ended by now.
    Wait(u64, Instant),
    /// Answer it without sending.
    Answer(Unsent),
}
