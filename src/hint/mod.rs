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
mod response;
mod retry_after;
mod status;
mod structured;
mod window;
mod words;

pub use self::dialect::Dialect;
pub use self::quota::{Dimension, Quota, ResetKind};
pub(crate) use self::response::NO_HINT;
pub use self::response::{DEFAULT_MAX_SERVER_WAIT, Hint, Verdict};
