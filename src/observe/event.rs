//! What observers are told.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::reason::{By, Ending, GiveUpReason, RetryReason};
use super::took::Took;
use crate::concurrency::limit::{Circuit, Reason};
use crate::hint::Hint;
use crate::priority::Priority;

/// Something that happened at a gate, or to a request that the retries own.
///
/// Each attempt that a gate lets through has one `Admitted`, one `Answered` or `Refused`, and one `Released`. Each
/// request that the retries own has one `Done` or `GaveUp` at its end, unless its future is dropped.
///
/// Its [`Display`](fmt::Display) says it in a line for people.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The gate lets an attempt through.
    #[non_exhaustive]
    Admitted {
        /// How long it stood in line.
        waited: Duration,
        /// The number of the attempt of its request, counted from 1.
        attempt: u32,
        /// The class of its request.
        priority: Priority,
        /// How many are in flight with it.
        in_flight: usize,
        /// How many may be.
        limit: usize,
        /// How many stand in line without it.
        waiting: usize,
    },
    /// An attempt ended, and was not refused.
    #[non_exhaustive]
    Answered {
        /// How it ended.
        ending: Ending,
        /// How long the head of its answer took.
        took: Took,
        /// The number of the attempt of its request, counted from 1.
        attempt: u32,
    },
    /// An attempt was refused.
    #[non_exhaustive]
    Refused {
        /// The status of the answer.
        status: StatusCode,
        /// What the answer said.
        hint: &'a Hint,
        /// How long the head of the answer took.
        took: Took,
        /// The number of the attempt of its request, counted from 1.
        attempt: u32,
    },
    /// A permit came back: with the answer, or with the end of its body.
    #[non_exhaustive]
    Released {
        /// How many are still in flight.
        in_flight: usize,
    },
    /// Nobody is sent for a while.
    #[non_exhaustive]
    Paused {
        /// For how long.
        left: Duration,
        /// Who asked for it.
        by: By,
    },
    /// A pause of the gate is over.
    ///
    /// One that ended by time is noticed by the next request, answer or snapshot.
    #[non_exhaustive]
    Resumed {
        /// What ended it.
        by: By,
    },
    /// Another number of requests may be in flight.
    #[non_exhaustive]
    LimitChanged {
        /// How many might be.
        from: usize,
        /// How many may be now.
        to: usize,
        /// What changed it.
        why: Reason,
    },
    /// The gate keeps another rate.
    #[non_exhaustive]
    RateChanged {
        /// The former one, in requests per second, if there was one.
        from: Option<f64>,
        /// The rate that it keeps now, if it keeps one.
        to: Option<f64>,
        /// What changed it.
        why: Reason,
    },
    /// A circuit breaker opened, closed, or sends a probe: that of the gate, or that of the retries. The
    /// [source](super::Source) says which.
    #[non_exhaustive]
    CircuitChanged {
        /// The former state.
        from: Circuit,
        /// The state now.
        to: Circuit,
        /// What changed it.
        why: Reason,
    },
    /// A request will be sent again.
    #[non_exhaustive]
    RetryScheduled {
        /// The number of the attempt to come: the second is 2.
        attempt: u32,
        /// The wait before it joins the line, or is sent if there is no gate.
        after: Duration,
        /// Why it is sent again.
        why: RetryReason,
        /// The status of the last answer, if there was one.
        status: Option<StatusCode>,
        /// The host that the request is for, if that is known.
        server: Option<&'a str>,
    },
    /// A request was answered, and there is nothing to send again.
    #[non_exhaustive]
    Done {
        /// How often it was sent.
        attempts: u32,
    },
    /// A request will not be sent again though it was not served. Its caller gets the last answer.
    #[non_exhaustive]
    GaveUp {
        /// How often it was sent.
        attempts: u32,
        /// Why it is not sent again.
        why: GiveUpReason,
        /// The status of the answer that its caller gets, if it is no error.
        status: Option<StatusCode>,
        /// The host that the request is for, if that is known.
        server: Option<&'a str>,
    },
}

impl Event<'_> {
    /// Whether it happens to every request: admitted, answered, released, done. The others tell of something that
    /// changed or went wrong.
    #[must_use]
    pub const fn is_routine(&self) -> bool {
        matches!(
            self,
            Self::Admitted { .. }
                | Self::Answered { .. }
                | Self::Released { .. }
                | Self::Done { .. }
        )
    }
}

/// Seconds with as many digits as matter.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let digits = match seconds {
            0.0 => 0,
            ..1.0 => 3,
            ..10.0 => 2,
            _ => 1,
        };
        write!(f, "{seconds:.digits$} s")
    }
}

/// A rate, if there is one.
struct PerSecond(Option<f64>);

impl fmt::Display for PerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("none"),
            Some(rate) if rate < 1.0 => write!(f, "{rate:.4}/s"),
            Some(rate) => write!(f, "{rate:.2}/s"),
        }
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Admitted { .. } | Self::Answered { .. } | Self::Refused { .. } => self.attempt(f),
            Self::Released { in_flight } => write!(f, "permit came back, {in_flight} in flight"),
            Self::Paused { left, by } => write!(f, "paused for {}: {by}", Seconds(left)),
            Self::Resumed { by } => write!(f, "pause over: {by}"),
            Self::LimitChanged { from, to, why } => write!(f, "limit {from} -> {to}: {why}"),
            Self::RateChanged { from, to, why } => {
                write!(f, "rate {} -> {}: {why}", PerSecond(from), PerSecond(to))
            }
            Self::CircuitChanged { from, to, why } => {
                write!(f, "circuit breaker {from} -> {to}: {why}")
            }
            Self::RetryScheduled {
                attempt,
                after,
                why,
                ..
            } => write!(f, "attempt {attempt} in {}: {why}", Seconds(after)),
            Self::Done { attempts } => write!(f, "done after {}", Attempts(attempts)),
            Self::GaveUp { attempts, why, .. } => {
                write!(f, "gave up after {}: {why}", Attempts(attempts))
            }
        }
    }
}

impl Event<'_> {
    /// What happened to one attempt.
    fn attempt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Admitted {
                waited,
                in_flight,
                limit,
                ..
            } => {
                write!(f, "let through, {in_flight} of {limit} in flight")?;
                if waited.is_zero() {
                    return Ok(());
                }
                write!(f, ", waited {}", Seconds(waited))
            }
            Self::Answered { ending, took, .. } => {
                write!(f, "{ending}")?;
                took.get()
                    .map_or(Ok(()), |took| write!(f, " after {}", Seconds(took)))
            }
            Self::Refused {
                status,
                hint,
                attempt,
                ..
            } => {
                write!(f, "refused with {}, attempt {attempt}", status.as_u16())?;
                match hint.wait() {
                    Some(wait) => write!(f, ": asks for {}", Seconds(wait)),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

/// How often a request was sent.
struct Attempts(u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} attempt{plural}", self.0)
    }
}
