//! Why a limit is what it is.

use std::fmt;

/// Why a limit, a rate or a circuit breaker changed.
///
/// Its [`Display`](fmt::Display) is a phrase for people, and [`as_str`](Self::as_str) a short name for machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The limit gives no reasons.
    #[default]
    Unknown,
    /// A [`Handle`](crate::concurrency::Handle) set it.
    Set,
    /// It begins with what the last run found.
    Resumed,
    /// Requests wait, and none was refused so far.
    SlowStart,
    /// The limit was used up, and answers came: one step more.
    Increase,
    /// One more attempt than is known to be accepted may go, to learn.
    Probe,
    /// A probe was accepted.
    ProbeHeld,
    /// A probe was refused.
    ProbeRefused,
    /// An attempt was refused with more in flight than the server was seen to accept.
    RefusedAbove,
    /// The server refuses.
    Refused,
    /// Answers seem to take longer with more in flight: fewer are sent for a while, to compare.
    LatencyTest,
    /// Answers take longer with more in flight, and no more gets done.
    Latency,
    /// Answers take no longer with more in flight.
    LatencySteady,
    /// A rate binds, and the limit on requests in flight makes room for it.
    RateBinds,
    /// What was accepted between two refusals was measured.
    Measured,
    /// The rate held, so a higher one is tried.
    RateHeld,
    /// Refusals keep coming at the measured rate, so the server counts something else.
    RateRefuted,
    /// The number in flight explains what is refused, so no rate is needed.
    InFlight,
    /// A bucket of one request: what is spaced is accepted.
    Spacing,
    /// Other clients use the same quota.
    Shared,
    /// Refusals come at random and show no limit.
    AtRandom,
    /// A train of requests faster than the rate was accepted.
    Train,
    /// Little was sent of late, so nothing new was measured.
    Idle,
    /// A fixed window of the server's.
    Window,
    /// The server told it in headers or in an answer's body.
    Told,
    /// Nothing is accepted.
    Outage,
    /// The server said that no wait will help.
    ForGood,
    /// The server accepts again.
    Recovery,
    /// Another one: what a limit of yours says.
    Other(&'static str),
}

/// Every reason but the last, with its name and what it says.
const TEXTS: [(Reason, &str, &str); 28] = [
    (Reason::Unknown, "unknown", "no reason given"),
    (Reason::Set, "set", "set by the program"),
    (
        Reason::Resumed,
        "resumed",
        "begins with what the last run found",
    ),
    (
        Reason::SlowStart,
        "slow_start",
        "requests wait and none was refused",
    ),
    (
        Reason::Increase,
        "increase",
        "it was used up and answers came",
    ),
    (Reason::Probe, "probe", "one more may go, to learn"),
    (Reason::ProbeHeld, "probe_held", "the probe was accepted"),
    (
        Reason::ProbeRefused,
        "probe_refused",
        "the probe was refused",
    ),
    (
        Reason::RefusedAbove,
        "refused_above",
        "refused with more in flight than was accepted before",
    ),
    (Reason::Refused, "refused", "the server refuses"),
    (
        Reason::LatencyTest,
        "latency_test",
        "answers seem slower with more in flight: comparing",
    ),
    (
        Reason::Latency,
        "latency",
        "more in flight only makes answers slower",
    ),
    (
        Reason::LatencySteady,
        "latency_steady",
        "answers are no slower with more in flight",
    ),
    (
        Reason::RateBinds,
        "rate_binds",
        "the rate binds, and needs room in flight",
    ),
    (
        Reason::Measured,
        "measured",
        "measured between two refusals",
    ),
    (
        Reason::RateHeld,
        "rate_held",
        "the rate held, so a higher one is tried",
    ),
    (
        Reason::RateRefuted,
        "rate_refuted",
        "refusals keep coming at the measured rate",
    ),
    (
        Reason::InFlight,
        "in_flight",
        "the number in flight explains the refusals",
    ),
    (
        Reason::Spacing,
        "spacing",
        "only what is spaced is accepted",
    ),
    (Reason::Shared, "shared", "other clients use the same quota"),
    (Reason::AtRandom, "at_random", "refusals come at random"),
    (
        Reason::Train,
        "train",
        "a train of faster requests was accepted",
    ),
    (Reason::Idle, "idle", "little was sent of late"),
    (
        Reason::Window,
        "window",
        "the server counts in fixed windows",
    ),
    (Reason::Told, "told", "the server said so"),
    (Reason::Outage, "outage", "nothing is accepted"),
    (
        Reason::ForGood,
        "for_good",
        "the server said that no wait will help",
    ),
    (Reason::Recovery, "recovery", "the server accepts again"),
];

impl Reason {
    /// A short name, such as `probe_held`: for the label of a metric.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.texts().0
    }

    fn texts(self) -> (&'static str, &'static str) {
        if let Self::Other(text) = self {
            return (text, text);
        }
        let found = TEXTS.iter().find(|(reason, ..)| *reason == self);
        found.map_or(("unknown", "no reason given"), |(_, name, phrase)| {
            (*name, *phrase)
        })
    }
}

/// A reason in one byte: there may be a limit for each of many keys.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Compact(u8);

impl From<Reason> for Compact {
    fn from(reason: Reason) -> Self {
        let index = TEXTS.iter().position(|(listed, ..)| *listed == reason);
        Self(index.unwrap_or(0) as u8)
    }
}

impl From<Compact> for Reason {
    fn from(compact: Compact) -> Self {
        TEXTS[usize::from(compact.0)].0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.texts().1)
    }
}

/// Whether requests flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Circuit {
    /// Requests flow.
    #[default]
    Closed,
    /// Nothing is sent.
    Open,
    /// One request is sent, and others follow when that is accepted.
    HalfOpen,
}

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        })
    }
}

/// Why a [`Limit`](super::Limit) is what it is now: the reason of each last change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reasons {
    /// Of the number of requests that may be in flight.
    pub limit: Reason,
    /// Of the rate.
    pub rate: Reason,
    /// Of the circuit breaker.
    pub circuit: Reason,
}

impl Reasons {
    /// Creates the reasons of a limit that keeps no rate and has no circuit breaker.
    #[must_use]
    pub const fn of_limit(limit: Reason) -> Self {
        Self {
            limit,
            rate: Reason::Unknown,
            circuit: Reason::Unknown,
        }
    }

    /// Adds why the rate is what it is.
    #[must_use]
    pub const fn of_rate(mut self, rate: Reason) -> Self {
        self.rate = rate;
        self
    }

    /// Adds why the circuit breaker is as it is.
    #[must_use]
    pub const fn of_circuit(mut self, circuit: Reason) -> Self {
        self.circuit = circuit;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_name_and_a_phrase_of_its_own() {
        let mut names: Vec<_> = TEXTS.iter().map(|text| text.1).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TEXTS.len());
        assert_eq!(Reason::ProbeHeld.as_str(), "probe_held");
        assert_eq!(Reason::Told.to_string(), "the server said so");
        assert_eq!(Reason::Other("quiet hours").to_string(), "quiet hours");
    }
}
