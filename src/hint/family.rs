//! The names of rate limit headers.
//!
//! They are open-ended: `x-ratelimit-limit-tokens`, `x-ratelimit-limit-req-10-second`,
//! `anthropic-ratelimit-input-tokens-reset`, and prefixes that gateways put in front. What stands
//! before `ratelimit` or `rate-limit` tells one family from another; one of the words `limit`,
//! `remaining` and `reset` comes first or last after it; the rest is the dimension.

use http::HeaderName;

/// What a header tells of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Limit,
    Remaining,
    Reset,
    /// Discord's time until the reset, which is to be trusted more than the absolute one.
    ResetAfter,
    /// Azure's length of the window in seconds.
    RenewalPeriod,
    /// Shopify's `used/limit`.
    UsedOfLimit,
    /// GitHub's and Reddit's count of what was used.
    Used,
    /// Whether requests are let through, of Anthropic's subscriptions.
    Status,
}

/// The name of a quota header, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'a> {
    pub(super) prefix: &'a str,
    pub(super) dimension: &'a str,
    pub(super) field: Field,
}

/// Whether a header's name looks like one that tells of a quota. It is a quick test, for this is on
/// the path of every response.
pub(super) fn may_tell_of_quota(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    match name.first() {
        Some(b'r') => name.starts_with(b"rate"),
        Some(b'a') => name.starts_with(b"anthropic-"),
        // `x-ratelimit-*`, and the odd names of Cohere and Shopify.
        Some(b'x') => {
            name.starts_with(b"x-rate")
                || name.ends_with(b"-limit")
                || name.ends_with(b"-remaining")
                || contains_rate(name)
        }
        // `content-*`, `date`, `set-cookie`, `vary`: on nearly all responses, and no family.
        Some(b'c' | b'd' | b's' | b't' | b'v') => false,
        // Behind a gateway's prefix.
        _ => contains_rate(name),
    }
}

/// Finds `-rate` as Horspool does: each byte tells how far the next possible end of it is, so that
/// most are never looked at.
fn contains_rate(name: &[u8]) -> bool {
    let mut end = 4;
    while let Some(byte) = name.get(end) {
        end += match byte {
            b'e' if name[..=end].ends_with(b"-rate") => return true,
            b't' => 1,
            b'a' => 2,
            b'r' => 3,
            b'-' => 4,
            _ => 5,
        };
    }
    false
}

impl<'a> Name<'a> {
    /// Takes a name apart, if it is that of a quota header.
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        // Whether more than a subscription's share may be bought: rejected for most who are served.
        Self::parse_any(name).filter(|name| name.dimension != "unified-overage")
    }

    fn parse_any(name: &'a str) -> Option<Self> {
        let special = |prefix, dimension, field| {
            Some(Self {
                prefix,
                dimension,
                field,
            })
        };
        match name {
            // Cohere's trial keys: calls per minute, and per month without a state.
            "x-trial-endpoint-call-limit" => special("x-trial", "calls-minute", Field::Limit),
            "x-trial-endpoint-call-remaining" => {
                special("x-trial", "calls-minute", Field::Remaining)
            }
            "x-endpoint-monthly-call-limit" => special("x-endpoint", "calls-month", Field::Limit),
            "x-shopify-shop-api-call-limit" => special("x-shopify", "calls", Field::UsedOfLimit),
            // Mistral's older family.
            _ if name.starts_with("ratelimitbysize-") => {
                Self::split("ratelimitbysize", &name["ratelimitbysize-".len()..]).map(|name| Self {
                    dimension: "size",
                    ..name
                })
            }
            _ => {
                let marker = ["ratelimit-", "rate-limit-"];
                let found = marker
                    .iter()
                    .find_map(|&marker| Some((name.find(marker)?, marker)));
                match found {
                    Some((at, marker)) => Self::split(&name[..at], &name[at + marker.len()..]),
                    // Anthropic's priority tier. Its quotas bind that tier alone, so they keep the
                    // tier's name: a request over them is served from the standard ones.
                    None => Self::split("anthropic-", name.strip_prefix("anthropic-")?)
                        .filter(|name| name.dimension.starts_with("priority-")),
                }
            }
        }
    }

    /// Takes apart what follows the family's marker.
    fn split(prefix: &'a str, rest: &'a str) -> Option<Self> {
        let (first, after_first) = rest.split_once('-').unwrap_or((rest, ""));
        if let Some(field) = Field::parse(first) {
            return Some(match (field, after_first) {
                (Field::Reset, "after") => Self {
                    prefix,
                    dimension: "",
                    field: Field::ResetAfter,
                },
                (field, dimension) => Self {
                    prefix,
                    dimension,
                    field,
                },
            });
        }
        let (dimension, last) = rest.rsplit_once('-')?;
        Some(Self {
            prefix,
            dimension,
            field: Field::parse(last)?,
        })
    }
}

impl Field {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "limit" => Self::Limit,
            "remaining" => Self::Remaining,
            "reset" => Self::Reset,
            "renewalperiod" => Self::RenewalPeriod,
            "used" => Self::Used,
            "status" => Self::Status,
            _ => return None,
        })
    }
}
