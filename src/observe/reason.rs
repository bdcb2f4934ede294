//! Why something was done to a request, and by whom.

use std::fmt;

use crate::message::UnsentCause;

/// Who began or ended a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum By {
    /// The server: it asked for a wait.
    Server,
    /// The program, with a [`Handle`](crate::concurrency::Handle).
    Handle,
    /// Time: the pause lasted as long as it was to last.
    Time,
}

/// How an attempt ended that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// It was served.
    Accepted,
    /// It failed in a way that says nothing of a limit: an error of the client, a 500.
    Failed,
    /// Nobody waited for its answer, or its permit was not used.
    Dropped,
}

/// Why a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryReason {
    /// It was refused.
    Refused,
    /// It failed, and the [classifier](crate::retry::Classify) wants it retried.
    Failed,
    /// It came to an error, and the [classifier](crate::retry::Classify) wants it retried.
    Error,
    /// The [hook](crate::retry::OnRefusal) gave another request.
    Hook,
}

/// Why a request is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GiveUpReason {
    /// It was sent [as often as may be](crate::RetryOn429Layer::max_attempts).
    MaxAttempts,
    /// Its time would be over: [`max_elapsed`](crate::RetryOn429Layer::max_elapsed) or
    /// [`max_time`](crate::RetryOn429Layer::max_time).
    OutOfTime,
    /// The [budget](crate::retry::RetryBudget) of retries is spent.
    Budget,
    /// Its body can be read only once.
    ReadOnce,
    /// Its body was not kept.
    NotKept,
    /// It may have been served, and may not be repeated.
    NotRepeatable,
    /// The server said that no wait will help, or asks for a longer one than is waited.
    ForGood,
    /// Nothing was accepted for too long, or the circuit breaker is open.
    Outage,
    /// It was answered without being sent, for this reason.
    Unsent(UnsentCause),
    /// The [hook](crate::retry::OnRefusal) acted, and no other request came of it.
    Hook,
    /// It came to an error that is not retried.
    Error,
}

impl By {
    /// A short name: for the label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Handle => "handle",
            Self::Time => "time",
        }
    }
}

impl Ending {
    /// A short name: for the label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl RetryReason {
    /// A short name: for the label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Hook => "hook",
        }
    }
}

impl GiveUpReason {
    /// A short name, such as `max_attempts`: for the label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxAttempts => "max_attempts",
            Self::OutOfTime | Self::Unsent(UnsentCause::OutOfTime) => "out_of_time",
            Self::Budget => "budget",
            Self::ReadOnce => "read_once",
            Self::NotKept => "not_kept",
            Self::NotRepeatable => "not_repeatable",
            Self::ForGood => "for_good",
            Self::Outage => "outage",
            Self::Unsent(UnsentCause::CircuitOpen) => "circuit_open",
            Self::Unsent(UnsentCause::Closed) => "closed",
            Self::Hook => "hook",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Server => "the server asked for it",
            Self::Handle => "set by the program",
            Self::Time => "its time has passed",
        })
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Refused => "it was refused",
            Self::Failed => "it failed",
            Self::Error => "it came to an error",
            Self::Hook => "the hook gave another request",
        })
    }
}

impl fmt::Display for GiveUpReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::MaxAttempts => "it was sent as often as it may be",
            Self::OutOfTime | Self::Unsent(UnsentCause::OutOfTime) => "its time is over",
            Self::Budget => "the budget of retries is spent",
            Self::ReadOnce => "its body can be read only once",
            Self::NotKept => "its body was not kept",
            Self::NotRepeatable => "it may have been served, and may not be repeated",
            Self::ForGood => "the server said that no wait will help",
            Self::Outage => "nothing was accepted for too long",
            Self::Unsent(UnsentCause::CircuitOpen) => "the circuit breaker is open",
            Self::Unsent(UnsentCause::Closed) => "the layer is closed",
            Self::Hook => "the hook gave no other request",
            Self::Error => "it came to an error",
        })
    }
}
