//! What one response said.

use std::time::Duration;

use http::Extensions;

use super::quota::Quota;

/// The longest wait asked for by a server that is slept by default: 120 s, inclusive.
pub const DEFAULT_MAX_SERVER_WAIT: Duration = Duration::from_secs(120);

/// What one response said about the server's limits.
///
/// See the [module docs](super).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    pub(super) refusal: bool,
    pub(super) verdict: Verdict,
    /// Refused for good because of what this request is.
    pub(super) of_request: bool,
    pub(super) wait: Option<Duration>,
    pub(super) quotas: Vec<Quota>,
}

/// Of a response that says nothing of limits.
pub(crate) static NO_HINT: Hint = Hint {
    refusal: false,
    verdict: Verdict::Accepted,
    of_request: false,
    wait: None,
    quotas: Vec::new(),
};

/// What is to be done with a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// No refusal: the request was served, or failed for another reason.
    #[default]
    Accepted,
    /// May be sent again: refused for now, or failed with `x-should-retry: true`.
    Retry,
    /// Refused, and waiting will not help: a permanent code in the body.
    Permanent,
    /// The server says not to try again (`x-should-retry: false`).
    Forbidden,
    /// Refused for longer than the cap allows to wait.
    OverCap,
}

impl Hint {
    /// The same when `by` has passed: waits and resets are shorter by that.
    pub(crate) fn aged(&self, by: Duration) -> Self {
        let mut hint = self.clone();
        hint.wait = hint.wait.map(|wait| wait.saturating_sub(by));
        for quota in &mut hint.quotas {
            quota.reset = quota.reset.map(|reset| reset.saturating_sub(by));
        }
        hint
    }

    /// A refusal for good, which says nothing else.
    pub(crate) const fn permanent() -> Self {
        Self {
            refusal: true,
            verdict: Verdict::Permanent,
            of_request: false,
            wait: None,
            quotas: Vec::new(),
        }
    }

    /// The hint that a middleware of this crate left in a response's extensions.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Whether the server refused to do the work for now, whatever is to be done about it.
    ///
    /// A failed request that the server allows to be sent again (a 500 with
    /// `x-should-retry: true`) is no refusal: its [verdict](Hint::verdict) is [`Verdict::Retry`],
    /// but it says nothing of a limit.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.refusal
    }

    /// Whether it is this request alone that is refused for good: it asks for more than the limit ever
    /// holds ("Limit 30000, Requested 35000"), and others may be served.
    ///
    /// False for a refusal that will pass, and for one that concerns the account or the server.
    #[must_use]
    pub fn names_request(&self) -> bool {
        self.of_request
    }

    /// What is to be done, when a wait of up to `max_wait` (inclusive) is acceptable.
    #[must_use]
    pub fn verdict(&self, max_wait: Duration) -> Verdict {
        match (self.verdict, self.wait) {
            (Verdict::Retry, Some(wait)) if wait > max_wait => Verdict::OverCap,
            (verdict, _) => verdict,
        }
    }

    /// The least time the server asks to wait, before any jitter.
    ///
    /// Rounded up to the millisecond. Zero allows another attempt now; a client's own backoff is
    /// still due, lest it loop. `None` if the server gave no usable hint, or if no wait will help.
    /// A wait too large to count is `u64::MAX` milliseconds.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }

    /// The quotas the response told of, at most 16.
    #[must_use]
    pub fn quotas(&self) -> &[Quota] {
        &self.quotas
    }

    /// The quota that binds: the one with the least remaining of its limit.
    ///
    /// A quota with nothing left binds first, even if its limit was not told. Of those that bind
    /// alike it is the one with the latest reset.
    #[must_use]
    pub fn binding(&self) -> Option<&Quota> {
        let tighter = |one, other| {
            if Quota::is_tighter_than(other, one) {
                other
            } else {
                one
            }
        };
        self.quotas.iter().reduce(tighter)
    }

    /// Whether the response said nothing at all about limits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.verdict == Verdict::Accepted && self.quotas.is_empty()
    }
}
