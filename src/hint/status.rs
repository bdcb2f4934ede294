//! Which answers are refusals: the one place that knows the statuses.

use http::StatusCode;

/// What a status alone says of whether an answer is a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is one.
    Refusal,
    /// It is one if the headers say so.
    OnEvidence,
    /// It is one if the headers say so, or `*-should-retry: true`.
    OnAnyEvidence,
    /// It is one if the headers or the body say so.
    ByBody,
    /// It is none, whatever else is said.
    Never,
}

/// What an answer gave as evidence that its status means "not now".
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    /// `*-should-retry`, if it was sent.
    pub(super) should_retry: Option<bool>,
    /// A `Retry-After` of any form that could be read, a quota of which nothing is left, or a code of
    /// a refusal.
    pub(super) headers: bool,
    /// The body tells of a refusal.
    pub(super) body: bool,
}

/// The statuses that have a meaning of their own, each with where it is documented.
const STATUSES: [(u16, Standing); 13] = [
    // AWS sends its throttling codes with it, Linear `RATELIMITED`, Stack Exchange
    // `throttle_violation`, Facebook error 4 and its kin.
    (400, Standing::ByBody),
    // No credit: OpenRouter sends it with a `Retry-After`, but it is a matter of payment.
    (402, Standing::Never),
    // GitHub ("Rate limits for the REST API"), Google (`usageLimits`), Foursquare, Mashery. Any other
    // is a matter of permission.
    (403, Standing::ByBody),
    // What is not there is no matter of a limit, even with a `Retry-After`.
    (404, Standing::Never),
    // RFC 9110 §15.5.9.
    (408, Standing::Refusal),
    // Stripe's `lock_timeout` has `stripe-should-retry: true`.
    (409, Standing::OnAnyEvidence),
    // Twitter's API v1, "Enhance Your Calm": "returned when an app is being rate limited"
    // (developer.x.com, "Response codes"); Telegram's MTProto, `FLOOD` (core.telegram.org/api/errors).
    (420, Standing::Refusal),
    // RFC 8470 §5.2.
    (425, Standing::Refusal),
    // RFC 6585 §4.
    (429, Standing::Refusal),
    // Groq: flex capacity exceeded.
    (498, Standing::Refusal),
    // RFC 9110 §15.6.4; Together: platform capacity.
    (503, Standing::Refusal),
    // Microsoft Graph: "throttled for exceeding the maximum bandwidth cap. Retry the request again
    // after more time has elapsed" (learn.microsoft.com/graph/errors). cPanel sends it until the
    // month's bandwidth is renewed.
    (509, Standing::Refusal),
    // Anthropic: overloaded.
    (529, Standing::Refusal),
];

/// What a status alone says.
///
/// Any other 4xx needs evidence: RFC 9110 §15.5.14 has a 413 with `Retry-After`, and Binance sends 418
/// with `Retry-After` to those it has banned (developers.binance.com, "Limits").
pub(super) fn standing(status: StatusCode) -> Standing {
    let status = status.as_u16();
    let known = STATUSES.iter().find(|&&(known, _)| known == status);
    known.map_or(
        if status / 100 == 4 {
            Standing::OnEvidence
        } else {
            Standing::Never
        },
        |&(_, standing)| standing,
    )
}

impl Standing {
    /// Whether the server refused to do the work for now.
    pub(super) fn is_refusal(self, evidence: Evidence) -> bool {
        match self {
            Self::Refusal => true,
            Self::OnEvidence => evidence.headers,
            Self::OnAnyEvidence => evidence.headers || evidence.should_retry == Some(true),
            Self::ByBody => evidence.headers || evidence.body,
            Self::Never => false,
        }
    }
}
