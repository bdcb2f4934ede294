//! What the server says of its limits, read into a [`Hint`].
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
//! The middleware leaves the hint of each refusal, and of each answer that tells of quotas, in the
//! response's extensions:
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
//! Whether an answer is a refusal is told by its status first:
//!
//! - 408, 420, 425, 429, 498, 503, 509 and 529 always are;
//! - a 400 or a 403 is if its headers or its body say so: AWS' `ThrottlingException`, Google's
//!   `userRateLimitExceeded`, GitHub's "secondary rate limit", and similar ones;
//! - any other 4xx is if it has a `Retry-After` in any form, or a quota of which nothing is left,
//!   other than one of tokens, and no code of a mistake in the request; a 409 also with
//!   `*-should-retry: true`;
//! - a 402 and a 404 never are, nor is any other 5xx. A `Retry-After` on a 2xx is no order to wait:
//!   Anthropic and others send it with answers that served the request.
//!
//! Whether it may be sent again: `x-should-retry` and similar headers come first. Then comes a code in the
//! body that no wait will change (`insufficient_quota`), or the message that a provider without such a code
//! sends instead. Codes and messages are matched whole, never in part. If the request itself is larger than
//! the limit, [`Hint::names_request`] says so.
//!
//! How long to wait: the first of these that the answer has.
//!
//! 1. `retry-after-ms`, `x-ms-retry-after-ms`, if above zero, and `x-retry-in`;
//! 2. `Retry-After`: seconds, fractions of them, or a date, measured against the `Date` header. A
//!    number as large as this year's Unix time is read as a date, here and wherever a delay is told;
//! 3. `x-ratelimit-retry-after`, `x-amz-retry-after` and others of that kind;
//! 4. the body: Google's `RetryInfo`, `retry_after`, "try again in 976ms"; the longest of them;
//! 5. the body: when something resets, `resets_in_seconds`, `reset_at`; the latest of them;
//! 6. the reset of a quota of which nothing is left; of several, the latest. If the reset is the time at
//!    which a token bucket is full again, only as much of it as one request takes to refill;
//! 7. the end of the day by Pacific Time, for a code of a daily quota of Google's;
//! 8. on a 429, the reset of a quota that does not tell how much is left, unless the server says that this
//!    quota lets requests through;
//! 9. a minute, if the body speaks of GitHub's secondary limit.
//!
//! What one provider means by its own statuses and codes can be set, see [`Dialect`].
//!
//! Bodies are read with the feature `json`, which is on by default.

mod codes;
mod date;
mod dialect;
mod error_body;
mod family;
mod ietf;
mod number;
mod parse;
mod quota;
mod rate_limit;
mod reference;
mod reset;
mod retry_after;
mod status;
mod structured;
mod window;
mod words;

use std::time::{Duration, SystemTime};

use http::{Extensions, HeaderMap, StatusCode};

pub use self::dialect::Dialect;
pub use self::quota::{Dimension, Quota, ResetKind};

/// The longest wait asked for by a server that is slept by default: 120 s, inclusive.
pub const DEFAULT_MAX_SERVER_WAIT: Duration = Duration::from_secs(120);

/// What one response said about the server's limits.
///
/// See the [module docs](self).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    refusal: bool,
    verdict: Verdict,
    /// Refused for good because of what this request is.
    of_request: bool,
    wait: Option<Duration>,
    quotas: Vec<Quota>,
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
    /// Reads a response's status and headers, and its body as far as it was read.
    ///
    /// `body` may be a prefix: what is in it counts, even if its JSON breaks off. No more than its
    /// first 64 KiB are looked at. `received` is the time of receipt by the local clock; it serves
    /// to read absolute times when the response has no usable `Date` header.
    ///
    /// A provider whose statuses and codes mean something of their own has a [`Dialect`].
    #[must_use]
    pub fn parse(
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&[u8]>,
        received: SystemTime,
    ) -> Self {
        dialect::DEFAULT.parse(status, headers, body, received)
    }

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
