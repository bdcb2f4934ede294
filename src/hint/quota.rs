//! What a server tells of one of its quotas.

use std::fmt;
use std::time::Duration;

use super::number;

/// How many quotas of a response are kept.
pub(super) const MAX_QUOTAS: usize = 16;
/// Longer values of headers that tell of quotas are not looked at.
pub(super) const MAX_VALUE_LENGTH: usize = 2_048;
/// Longer names of dimensions are cut.
const MAX_NAME_LENGTH: usize = 32;

/// One quota of which a response told the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// What is counted.
    pub dimension: Dimension,
    /// How many units a window, or a full bucket, holds.
    pub limit: Option<u64>,
    /// How many units are left. Never more than `limit`.
    pub remaining: Option<u64>,
    /// The time until the quota resets, rounded up to the millisecond; see [`Quota::kind`].
    pub reset: Option<Duration>,
    /// The length of the window. A month counts as 30 days.
    pub window: Option<Duration>,
    /// How `reset` is to be read.
    pub kind: ResetKind,
    /// What else the headers tell of it.
    pub(super) state: State,
}

/// What the headers tell of a quota beside its numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing.
    #[default]
    Unknown,
    /// It lets requests through: its reset binds nobody.
    Open,
    /// It refills evenly until its reset: the next request fits long before.
    Refilling,
}

impl Quota {
    /// Whether the server said that nothing is left.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.remaining == Some(0)
    }

    /// Whether a failure may be a refusal of this quota's.
    ///
    /// Who keeps to a limit often has nothing left, so that any failure comes with a quota at zero. Those
    /// of tokens are rounded besides (Anthropic: to thousands), and their servers refuse with a 429.
    pub(super) fn may_have_refused(&self) -> bool {
        let of_tokens = match &self.dimension {
            Dimension::Tokens | Dimension::InputTokens | Dimension::OutputTokens => true,
            Dimension::Other(name) => name.ends_with("tokens"),
            _ => false,
        };
        self.is_exhausted() && !of_tokens
    }

    /// How long a request that this quota refused has to wait, if the quota is used up.
    ///
    /// A bucket of requests that is full again in `reset` has room for one a `limit`th of that time
    /// from now. How much of a bucket of tokens a request needs is not known here: for those it is the
    /// whole reset, an upper bound.
    pub(super) fn wait_if_exhausted(&self) -> Option<Duration> {
        let reset = self.reset.filter(|_| self.is_exhausted())?;
        let of_requests = matches!(self.dimension, Dimension::Unnamed | Dimension::Requests);
        match self.limit {
            Some(limit) if limit > 0 && of_requests && self.state == State::Refilling => {
                let nanos = reset.as_nanos().div_ceil(u128::from(limit));
                Some(number::ceil_to_millis(nanos))
            }
            _ => Some(reset),
        }
    }

    /// The reset of a quota of which is not told how much is left.
    pub(super) fn orphaned_reset(&self) -> Option<Duration> {
        let unknown = self.remaining.is_none() && self.state != State::Open;
        self.reset.filter(|_| unknown)
    }

    /// The part that is left, between 0 and 1, if the server told enough.
    #[must_use]
    pub fn fraction_left(&self) -> Option<f64> {
        self.ratio()
            .map(|(remaining, limit)| remaining as f64 / limit as f64)
    }

    /// The units per second that flow back into a bucket: `(limit - remaining) / reset`.
    ///
    /// `None` unless the reset is known to be the time until the bucket is full
    /// ([`ResetKind::Full`]) and something is missing from it. For OpenAI and Groq the recorded
    /// headers fit the formula: `limit 500, remaining 499, reset 120ms` is 500 per minute,
    /// `limit 14400, remaining 14399, reset 6s` is 14,400 per day. The reset is told in
    /// milliseconds at best, so a bucket that misses little gives a coarse rate.
    #[must_use]
    pub fn refill_rate(&self) -> Option<f64> {
        let missing = self.limit?.checked_sub(self.remaining?)?;
        let reset = self.reset?;
        let known = self.kind == ResetKind::Full && missing > 0 && !reset.is_zero();
        known.then(|| missing as f64 / reset.as_secs_f64())
    }

    /// Remaining and limit, of which the limit is not zero.
    fn ratio(&self) -> Option<(u64, u64)> {
        match (self.remaining, self.limit) {
            (Some(0), _) | (Some(_), Some(0)) => Some((0, 1)),
            (Some(remaining), Some(limit)) => Some((remaining, limit)),
            _ => None,
        }
    }

    /// Whether this quota binds sooner than `other`: less of its limit is left, or, with a limit
    /// not told, fewer units; of equals the one that resets later.
    pub(super) fn is_tighter_than(&self, other: &Self) -> bool {
        let later = || self.reset > other.reset;
        match (self.ratio(), other.ratio()) {
            (Some((remaining, limit)), Some((other_remaining, other_limit))) => {
                let mine = u128::from(remaining) * u128::from(other_limit);
                let others = u128::from(other_remaining) * u128::from(limit);
                mine < others || (mine == others && later())
            }
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => match (self.remaining, other.remaining) {
                (Some(mine), Some(others)) => mine < others || (mine == others && later()),
                (mine, others) if mine.is_some() != others.is_some() => mine.is_some(),
                _ => later(),
            },
        }
    }
}

/// What a [`Quota`] counts.
///
/// A server may put anything into the name of a dimension of its own, even whose quota it is. So
/// `Debug` does not show that name; `Display` does.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dimension {
    /// Not named by the server; requests, as a rule.
    #[default]
    Unnamed,
    /// Requests.
    Requests,
    /// Requests being served at one time (`qu="concurrent-requests"` in the IETF draft).
    ConcurrentRequests,
    /// Tokens of a language model, input and output together.
    Tokens,
    /// Tokens of prompts.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
    /// Bytes of content (`qu="content-bytes"` in the IETF draft).
    ContentBytes,
    /// Anything else, as the server spells it: printable ASCII, at most 32 characters.
    Other(Box<str>),
}

impl Dimension {
    /// The dimension of a name that a server uses in a header's name or value.
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "" => Self::Unnamed,
            "requests" | "request" | "reqs" | "req" | "calls" | "call" => Self::Requests,
            "concurrent-requests" | "concurrency" | "concurrent" => Self::ConcurrentRequests,
            "tokens" | "token" => Self::Tokens,
            "input-tokens" => Self::InputTokens,
            "output-tokens" => Self::OutputTokens,
            "content-bytes" => Self::ContentBytes,
            other => {
                let printable = other.chars().filter(|c| matches!(c, ' '..='~'));
                Self::Other(printable.take(MAX_NAME_LENGTH).collect())
            }
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unnamed => "unnamed",
            Self::Requests => "requests",
            Self::ConcurrentRequests => "concurrent-requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input-tokens",
            Self::OutputTokens => "output-tokens",
            Self::ContentBytes => "content-bytes",
            Self::Other(name) => name,
        })
    }
}

impl fmt::Debug for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unnamed => "Unnamed",
            Self::Requests => "Requests",
            Self::ConcurrentRequests => "ConcurrentRequests",
            Self::Tokens => "Tokens",
            Self::InputTokens => "InputTokens",
            Self::OutputTokens => "OutputTokens",
            Self::ContentBytes => "ContentBytes",
            Self::Other(_) => "Other(..)",
        })
    }
}

/// How a [`Quota`]'s reset is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResetKind {
    /// The form in which it came does not tell.
    #[default]
    Unknown,
    /// A token bucket is full again then (OpenAI, Groq, Azure, Anthropic). The next request fits
    /// long before: an upper bound, never a wait to sleep while anything is left. See
    /// [`Quota::refill_rate`].
    Full,
    /// A window ends then and all of `limit` is available at once (the IETF drafts, GitHub, X,
    /// Discord, express-rate-limit, Hugging Face).
    Window,
}
