//! What the embedded API says about its limits, in the forms of real providers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::limits::{Quota, Refusal};
use crate::spec::Unit;

/// How the API speaks of its limits.
///
/// A limit on concurrency is never spoken of: nobody knows when a place falls free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Hints {
    /// A bare 429
    None,
    /// Retry-After in whole seconds, rounded up, on a 429
    RetryAfter,
    /// x-ratelimit-* on every answer, retry-after-ms and a wait in the text of a 429
    Openai,
    /// anthropic-ratelimit-* on every answer, retry-after on a 429
    Anthropic,
    /// The IETF's RateLimit and RateLimit-Policy on every answer, Retry-After on a 429
    Ietf,
}

/// A header's name and value.
pub(crate) type Header = (String, String);

impl Hints {
    /// The name on the command line and in the summary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::RetryAfter => "retry-after",
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Ietf => "ietf",
        }
    }

    /// The headers of an answer that leaves `quotas` behind.
    pub(crate) fn headers(
        self,
        quotas: &[Quota],
        refusal: Option<&Refusal>,
        date: SystemTime,
    ) -> Vec<Header> {
        let mut headers = match self {
            Self::None | Self::RetryAfter => Vec::new(),
            Self::Openai => openai(quotas),
            Self::Anthropic => anthropic(quotas, date),
            Self::Ietf => ietf(quotas),
        };
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        if let Some(wait) = refusal.and_then(|refusal| refusal.wait) {
            if self != Self::None {
                add("retry-after", whole_seconds(wait).to_string());
            }
            if self == Self::Openai {
                add("retry-after-ms", whole_millis(wait).to_string());
            }
        }
        headers
    }

    /// The body of a refusal.
    pub(crate) fn refusal(self, refusal: &Refusal) -> Value {
        let (what, unit) = match refusal.unit {
            None => ("concurrent requests", "requests"),
            Some(Unit::Requests) => ("requests", "requests"),
            Some(Unit::Tokens) => ("tokens", "tokens"),
        };
        let message = format!("Rate limit reached: too many {what}.");
        match self {
            Self::None | Self::RetryAfter => json!({ "error": message }),
            Self::Openai => {
                let message = match refusal.wait {
                    Some(wait) => format!("{message} Please try again in {}.", go_duration(wait)),
                    None => message,
                };
                json!({ "error": {
                    "message": message, "type": unit, "param": null, "code": "rate_limit_exceeded",
                } })
            }
            Self::Anthropic => json!({
                "type": "error",
                "error": { "type": "rate_limit_error", "message": message },
            }),
            Self::Ietf => json!({
                "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
                "title": message,
            }),
        }
    }
}

fn openai(quotas: &[Quota]) -> Vec<Header> {
    let headers = tightest(quotas).map(|(unit, quota)| {
        let name = |part| format!("x-ratelimit-{part}-{unit}");
        [
            (name("limit"), quota.limit.to_string()),
            (name("remaining"), quota.remaining.to_string()),
            (name("reset"), go_duration(quota.reset)),
        ]
    });
    headers.flatten().collect()
}

fn anthropic(quotas: &[Quota], date: SystemTime) -> Vec<Header> {
    let headers = tightest(quotas).map(|(unit, quota)| {
        let name = |part| format!("anthropic-ratelimit-{unit}-{part}");
        [
            (name("limit"), quota.limit.to_string()),
            (name("remaining"), quota.remaining.to_string()),
            (name("reset"), rfc3339(date + quota.reset)),
        ]
    });
    headers.flatten().collect()
}

fn ietf(quotas: &[Quota]) -> Vec<Header> {
    if quotas.is_empty() {
        return Vec::new();
    }
    let list = |item: &dyn Fn(usize, &Quota) -> String| {
        let items = quotas.iter().enumerate().map(|(i, quota)| item(i, quota));
        items.collect::<Vec<_>>().join(", ")
    };
    let policies = list(&|i, quota| {
        let window = whole_seconds(quota.window);
        format!("\"limit-{i}\";q={};w={window}", quota.limit)
    });
    let limits = list(&|i, quota| {
        let reset = whole_seconds(quota.reset);
        format!("\"limit-{i}\";r={};t={reset}", quota.remaining)
    });
    vec![
        ("ratelimit-policy".to_owned(), policies),
        ("ratelimit".to_owned(), limits),
    ]
}

/// Of the limits that count the same thing, the one with the least left in proportion.
fn tightest(quotas: &[Quota]) -> impl Iterator<Item = (&'static str, Quota)> {
    let of = |unit| {
        let same = quotas.iter().filter(move |quota| quota.unit == unit);
        same.copied().min_by(|a, b| {
            let left = |quota: &Quota| quota.remaining as f64 / quota.limit as f64;
            left(a).total_cmp(&left(b))
        })
    };
    let requests = of(Unit::Requests).map(|quota| ("requests", quota));
    let tokens = of(Unit::Tokens).map(|quota| ("tokens", quota));
    requests.into_iter().chain(tokens)
}

// All waits are rounded up: a client that keeps to them is let in.

fn whole_seconds(wait: Duration) -> u128 {
    wait.as_nanos().div_ceil(1_000_000_000)
}

fn whole_millis(wait: Duration) -> u128 {
    wait.as_nanos().div_ceil(1_000_000)
}

/// A Go duration, as OpenAI writes them: `12ms`, `1.182s`, `6m0s`.
fn go_duration(wait: Duration) -> String {
    let millis = whole_millis(wait);
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    let fraction = format!(".{:03}", rest % 1000);
    let seconds = format!(
        "{}{}s",
        rest / 1000,
        fraction.trim_end_matches('0').trim_end_matches('.')
    );
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// An RFC 3339 date in whole seconds, rounded up.
fn rfc3339(date: SystemTime) -> String {
    let seconds = whole_seconds(date.duration_since(UNIX_EPOCH).unwrap_or_default()) as i64;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days to a civil date, with years that begin in March so that a leap day comes last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests;
