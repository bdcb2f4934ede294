//! Which answers are refusals: the one place that knows the statuses.

use http::StatusCode;

/// What an answer gave as evidence that its status means "not now".
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    /// `*-should-retry`, if it was sent.
    pub(super) should_retry: Option<bool>,
    /// A `Retry-After` of any form that could be read.
    pub(super) retry_after: bool,
    /// A quota of which nothing is left.
    pub(super) exhausted: bool,
    /// The body speaks of GitHub's secondary limit.
    pub(super) secondary_limit: bool,
}

/// Whether an answer can be a refusal, so that it is worth reading further.
pub(super) fn may_be_refusal(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        403 | 408 | 409 | 413 | 425 | 429 | 498 | 503 | 529
    )
}

/// Whether the server refused to do the work for now.
///
/// - 429 Too Many Requests (RFC 6585 §4), 503 Service Unavailable (RFC 9110 §15.6.4; Together:
///   platform capacity), 529 (Anthropic: overloaded), 498 (Groq: flex capacity exceeded),
///   425 Too Early (RFC 8470 §5.2), 408 Request Timeout (RFC 9110 §15.5.9): always.
/// - 403 with a quota at zero, with `Retry-After`, or with GitHub's "secondary rate limit" in its
///   body ("Rate limits for the REST API"). Any other 403 is a matter of permission.
/// - 409 when the server says so with `*-should-retry: true` (Stripe's `lock_timeout`).
/// - 413 with `Retry-After`: temporary, by RFC 9110 §15.5.14.
pub(super) fn is_refusal(status: StatusCode, evidence: Evidence) -> bool {
    match status.as_u16() {
        408 | 425 | 429 | 498 | 503 | 529 => true,
        403 => evidence.exhausted || evidence.retry_after || evidence.secondary_limit,
        409 => evidence.should_retry == Some(true),
        413 => evidence.retry_after,
        _ => false,
    }
}
