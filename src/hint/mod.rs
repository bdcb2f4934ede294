//! What the server said: one parse, one [`Hint`].

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

/// The longest wait asked for by a server that is slept by default: 120 s, inclusive.
pub const DEFAULT_MAX_SERVER_WAIT: Duration = Duration::from_secs(120);

/// What one response said about the server's limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    refusal: bool,
    verdict: Verdict,
    wait: Option<Duration>,
    quotas: Vec<Quota>,
}

/// What is to be done with a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// No refusal: the request was served, or failed for another reason.
    #[default]
    Accepted,
    /// Refused for now; may be sent again.
    Retry,
    /// Refused, and waiting will not help: a permanent code in the body.
    Permanent,
    /// The server says not to try again (`x-should-retry: false`).
    Forbidden,
    /// Refused for longer than the cap allows to wait.
    OverCap,
}

/// One quota of which a response told the state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// What is counted.
    pub dimension: Dimension,
    /// How many units a window, or a full bucket, holds.
    pub limit: Option<u64>,
    /// How many units are left.
    pub remaining: Option<u64>,
    /// The time until the quota is full again.
    pub reset: Option<Duration>,
    /// The length of the window.
    pub window: Option<Duration>,
}

/// What a [`Quota`] counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dimension {
    /// Not named by the server; requests, as a rule.
    Unnamed,
    /// Requests.
    Requests,
    /// Tokens.
    Tokens,
    /// Anything else, as the server spells it.
    Other(Box<str>),
}

impl Hint {
    /// Reads a response's status and headers, and its body as far as it was read.
    #[must_use]
    pub fn parse(
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&[u8]>,
        received: SystemTime,
    ) -> Self {
        let _ = (body, received);
        let refusal = matches!(status.as_u16(), 429 | 503 | 529 | 498 | 425 | 408);
        let wait = headers
            .get("retry-after")
            .and_then(|v| v.to_str().ok()?.parse().ok())
            .map(Duration::from_secs)
            .filter(|_| refusal);
        Self {
            refusal,
            verdict: if refusal {
                Verdict::Retry
            } else {
                Verdict::Accepted
            },
            wait,
            quotas: Vec::new(),
        }
    }

    /// Whether the server refused to do the work for now, whatever is to be done about it.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.refusal
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
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }

    /// The quotas the response told of.
    #[must_use]
    pub fn quotas(&self) -> &[Quota] {
        &self.quotas
    }

    /// The quota that binds: the one with the least remaining of its limit.
    #[must_use]
    pub fn binding(&self) -> Option<&Quota> {
        self.quotas.first()
    }

    /// Whether the response said nothing at all about limits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.refusal && self.quotas.is_empty()
    }
}
