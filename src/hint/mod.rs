//! What the server said: one parse, one [`Hint`].
//!
//! HTTP APIs speak of their limits in many dialects: `Retry-After` in seconds or as a date,
//! `retry-after-ms`, the IETF's `RateLimit` fields, a dozen families of `X-RateLimit-*`, error
//! bodies that say "try again in 976ms". [`Hint::parse`] reads them all, and cannot fail: what is
//! malformed is left out, and nothing a server sends makes it panic, overflow or work without
//! bound.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use http::{HeaderMap, StatusCode};
//! use tower_throttle::hint::{DEFAULT_MAX_SERVER_WAIT, Hint, Verdict};
//!
//! let mut headers = HeaderMap::new();
//! headers.insert("retry-after", "2".parse().unwrap());
//! let hint = Hint::parse(StatusCode::TOO_MANY_REQUESTS, &headers, None, SystemTime::now());
//! assert_eq!(hint.verdict(DEFAULT_MAX_SERVER_WAIT), Verdict::Retry);
//! assert_eq!(hint.wait(), Some(Duration::from_secs(2)));
//! ```
//!
//! The middleware leaves the hint of each answer in the response's extensions. A caller who wants
//! to know more than that the call failed finds it there:
//!
//! ```
//! use std::time::Duration;
//! use tower_throttle::hint::{Hint, Verdict};
//!
//! # fn give_up<B>(response: &http::Response<B>) {
//! if let Some(hint) = Hint::of(response.extensions()) {
//!     match hint.verdict(Duration::from_secs(600)) {
//!         Verdict::OverCap => println!("come back in {:?}", hint.wait()),
//!         Verdict::Permanent => println!("out of credit: no use in coming back"),
//!         _ => {}
//!     }
//!     for quota in hint.quotas() {
//!         println!("{}: {:?} of {:?} left", quota.dimension, quota.remaining, quota.limit);
//!     }
//! }
//! # }
//! ```
//!
//! # What decides
//!
//! Whether an answer is a refusal is told by its status: 429, 503, 529, 498, 425 and 408 always,
//! 403, 409 and 413 only on evidence. A `Retry-After` on a 2xx is no order to wait: Anthropic and
//! others send it with answers that served the request.
//!
//! Whether it may be sent again: `x-should-retry` and its kin come first, then a code in the body
//! that no wait will change (`insufficient_quota`), matched exactly, never by loose text.
//!
//! How long to wait, from the first of these that is there:
//!
//! 1. `retry-after-ms`, `x-ms-retry-after-ms`, if above zero;
//! 2. `Retry-After`: seconds, fractions of them, or a date, measured against the `Date` header;
//! 3. `x-ratelimit-retry-after`, `x-amz-retry-after`;
//! 4. the body: Google's `RetryInfo`, `retry_after`, "try again in 976ms"; the longest of them;
//! 5. the reset of a quota of which nothing is left; of several, the latest;
//! 6. on a 429, the reset of a quota of which is not told how much is left;
//! 7. a minute, if the body speaks of GitHub's secondary limit.
//!
//! Bodies are read with the feature `json`, which is on by default.

mod date;
mod error_body;
mod family;
mod ietf;
mod number;
mod quota;
mod rate_limit;
mod reset;
mod retry_after;
mod status;
mod structured;
mod window;

use std::cell::LazyCell;
use std::time::{Duration, SystemTime};

use http::{Extensions, HeaderMap, StatusCode};

use self::date::Reference;
use self::error_body::ErrorBody;
use self::status::Evidence;

pub use self::quota::{Dimension, Quota, ResetKind};

/// The longest wait asked for by a server that is slept by default: 120 s, inclusive.
pub const DEFAULT_MAX_SERVER_WAIT: Duration = Duration::from_secs(120);

/// GitHub asks for at least this much after a secondary limit that came without a hint ("Rate
/// limits for the REST API").
const SECONDARY_LIMIT_WAIT: Duration = Duration::from_secs(60);

/// What one response said about the server's limits.
///
/// See the [module docs](self).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    refusal: bool,
    verdict: Verdict,
    wait: Option<Duration>,
    quotas: Vec<Quota>,
}

/// Of a response that says nothing of limits.
pub(crate) static NO_HINT: Hint = Hint {
    refusal: false,
    verdict: Verdict::Accepted,
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
    /// Reads a response's status and headers, and its body as far as it was read.
    ///
    /// `body` may be a prefix: what is in it counts, even if its JSON breaks off. No more than its
    /// first 64 KiB are looked at. `received` is the time of receipt by the local clock; it serves
    /// to read absolute times when the response has no usable `Date` header.
    #[must_use]
    pub fn parse(
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&[u8]>,
        received: SystemTime,
    ) -> Self {
        Self::parse_at(status, headers, body, || received)
    }

    /// Like [`Hint::parse`] without a body, with a clock that is read only if an absolute time needs
    /// it. `None` if the response says nothing of limits.
    #[inline]
    pub(crate) fn parse_any(
        status: StatusCode,
        headers: &HeaderMap,
        received: impl FnOnce() -> SystemTime,
    ) -> Option<Self> {
        if status.as_u16() < 400 && !rate_limit::any(headers) {
            return None;
        }
        Some(Self::parse_at(status, headers, None, received)).filter(|hint| !hint.is_empty())
    }

    fn parse_at(
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&[u8]>,
        received: impl FnOnce() -> SystemTime,
    ) -> Self {
        let received = LazyCell::new(received);
        let reference = Reference::new(headers, &received);
        let quotas = rate_limit::quotas(headers, &reference);
        if status.as_u16() < 400 {
            return Self {
                quotas,
                ..Self::default()
            };
        }
        Self::parse_error(status, headers, body, &reference, quotas)
    }

    fn parse_error(
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&[u8]>,
        reference: &Reference<'_>,
        quotas: Vec<Quota>,
    ) -> Self {
        let should_retry = retry_after::should_retry(headers);
        if !status::may_be_refusal(status) && should_retry != Some(true) {
            let verdict = if should_retry.is_some() {
                Verdict::Forbidden
            } else {
                Verdict::Accepted
            };
            return Self {
                verdict,
                quotas,
                ..Self::default()
            };
        }
        let ordered = retry_after::wait(headers, reference);
        let body = body.map(error_body::read).unwrap_or_default();
        let refusal = status::is_refusal(
            status,
            Evidence {
                should_retry,
                retry_after: ordered.is_some(),
                exhausted: quotas.iter().any(Quota::is_exhausted),
                secondary_limit: body.secondary_limit,
            },
        );
        let verdict = match should_retry {
            Some(true) => Verdict::Retry,
            Some(false) => Verdict::Forbidden,
            None if !refusal => Verdict::Accepted,
            None if body.permanent => Verdict::Permanent,
            None => Verdict::Retry,
        };
        // Where no wait helps, the hint has none.
        let wait = (verdict == Verdict::Retry)
            .then(|| ordered.or_else(|| implied_wait(status, &body, &quotas)))
            .flatten();
        Self {
            refusal,
            verdict,
            wait,
            quotas,
        }
    }

    /// The hint of an answer that a caller knows to be refused for good.
    pub(crate) const fn permanent() -> Self {
        Self {
            refusal: true,
            verdict: Verdict::Permanent,
            wait: None,
            quotas: Vec::new(),
        }
    }

    /// Whether an answer with this status that does not look like a refusal may be one for what its body
    /// says: GitHub's secondary rate limit is a 403 that only its message tells from any other.
    pub(crate) fn body_decides(status: StatusCode) -> bool {
        cfg!(feature = "json") && status == StatusCode::FORBIDDEN
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

/// The wait that follows from the body or from the state of the quotas.
fn implied_wait(status: StatusCode, body: &ErrorBody, quotas: &[Quota]) -> Option<Duration> {
    let latest_reset = |wanted: fn(&Quota) -> bool| {
        quotas
            .iter()
            .filter(|quota| wanted(quota))
            .filter_map(|quota| quota.reset)
            .max()
    };
    let orphan = || latest_reset(|quota| quota.remaining.is_none());
    body.wait
        .or_else(|| latest_reset(Quota::is_exhausted))
        .or_else(|| {
            if status == StatusCode::TOO_MANY_REQUESTS {
                orphan()
            } else {
                None
            }
        })
        .or_else(|| body.secondary_limit.then_some(SECONDARY_LIMIT_WAIT))
}
