//! What an API tells of its limits: the headers that real ones have, and the bodies of refusals.

mod body;
mod date;
#[cfg(test)]
mod tests;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::limits::{Quota, Unit};

pub use body::refusal_body;
pub use date::Moment;
use date::{go_duration, rfc3339};

/// Whose headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    None,
    /// `Retry-After` on refusals.
    RetryAfter,
    /// `x-ratelimit-*` on every answer; reset is the time until the bucket is full.
    OpenAi,
    /// `anthropic-ratelimit-*` on every answer; reset is a date.
    Anthropic,
    /// `RateLimit` and `RateLimit-Policy` on every answer.
    Ietf,
    /// `X-RateLimit-*` on every answer; reset is an epoch in whole seconds.
    Epoch,
    /// `Retry-After` and `X-Retry-In` on refusals.
    Traefik,
}

/// How true the hints are.
#[derive(Clone, Copy, Debug)]
pub enum Exactness {
    Right,
    /// A bucket tells its whole units, and when these will be all, as OpenAI's recorded headers do: what is
    /// missing over the reset is its rate exactly.
    WholeUnits,
    /// What is told in milliseconds elsewhere is told in whole seconds.
    WholeSeconds,
    /// The `Retry-After` is the true wait times this.
    Times(f64),
    /// The `Retry-After` is always the same number of seconds, also where no time is known to help.
    Always(f64),
}

/// Lets what is missing by the rounding of a sum be there.
const ROUNDING: f64 = 1e-6;

impl Exactness {
    /// The quota as it is told.
    fn told(self, quota: &Quota) -> Quota {
        let mut told = *quota;
        match self {
            Self::WholeSeconds => told.reset = quota.reset.ceil(),
            Self::WholeUnits => {
                told.remaining = (quota.remaining + ROUNDING).floor();
                if let Some(per_second) = quota.per_second {
                    told.reset = (quota.limit - told.remaining) / per_second;
                }
            }
            Self::Right | Self::Times(_) | Self::Always(_) => {}
        }
        told
    }
}

/// The headers of an answer given `now`; `refused` holds the true wait of a refusal.
pub fn headers(
    style: Style,
    exactness: Exactness,
    now: Moment,
    quotas: &[Quota],
    refused: Option<Option<f64>>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if style == Style::None {
        return headers;
    }
    // Windows end between the seconds of the clock that `Date` and an epoch are rounded to.
    let now = match style {
        Style::Epoch => Moment {
            now: now.now + 0.6,
            ..now
        },
        _ => now,
    };
    set(&mut headers, "date", now.http_date());
    if let Some(Some(wait)) = refused {
        waits(&mut headers, style, exactness, wait);
    }
    let quotas: Vec<Quota> = quotas.iter().map(|quota| exactness.told(quota)).collect();
    if style == Style::Ietf {
        lists(&mut headers, &quotas);
    } else {
        for quota in tightest(&quotas) {
            describe(&mut headers, style, now, quota);
        }
    }
    headers
}

/// How long a refused request is to wait.
fn waits(headers: &mut HeaderMap, style: Style, exactness: Exactness, wait: f64) {
    let wait = match exactness {
        Exactness::Right | Exactness::WholeUnits | Exactness::WholeSeconds => wait,
        Exactness::Times(factor) => wait * factor,
        Exactness::Always(seconds) => seconds,
    };
    retry_after(headers, wait);
    if style == Style::Traefik {
        set(headers, "x-retry-in", format!("{}ms", wait * 1000.0));
    }
    if style == Style::OpenAi && !matches!(exactness, Exactness::WholeSeconds) {
        let millis = (wait * 1000.0).ceil();
        set(headers, "retry-after-ms", format!("{millis}"));
    }
}

/// Writes a wait in whole seconds.
pub fn retry_after(headers: &mut HeaderMap, seconds: f64) {
    set(headers, "retry-after", format!("{}", seconds.ceil()));
}

/// Of the limits that count the same thing, the one with the least left in proportion.
fn tightest(quotas: &[Quota]) -> impl Iterator<Item = &Quota> {
    let of = |unit| {
        let same = quotas.iter().filter(move |quota| quota.unit == unit);
        let left = |quota: &Quota| quota.remaining / quota.limit;
        same.min_by(|a, b| left(a).total_cmp(&left(b)))
    };
    of(Unit::Requests).into_iter().chain(of(Unit::Tokens))
}

/// The state of a limit, as all but the IETF tell it.
fn describe(headers: &mut HeaderMap, style: Style, now: Moment, quota: &Quota) {
    let unit = match quota.unit {
        Unit::Requests => "requests",
        Unit::Tokens => "tokens",
    };
    let (limit, remaining) = (quota.limit.floor(), quota.remaining.floor());
    let reset_at = now.second_after(quota.reset);
    let [names, reset] = match style {
        Style::None | Style::RetryAfter | Style::Traefik | Style::Ietf => return,
        Style::Epoch => ["x-ratelimit-{}".to_owned(), format!("{reset_at}")],
        Style::OpenAi => [format!("x-ratelimit-{{}}-{unit}"), go_duration(quota.reset)],
        Style::Anthropic => [
            format!("anthropic-ratelimit-{unit}-{{}}"),
            rfc3339(reset_at),
        ],
    };
    let mut part = |part, value| set(headers, &names.replace("{}", part), value);
    part("limit", format!("{limit}"));
    part("remaining", format!("{remaining}"));
    part("reset", reset);
}

/// All limits, as the IETF's headers list them.
fn lists(headers: &mut HeaderMap, quotas: &[Quota]) {
    let list = |item: &dyn Fn(&Quota) -> String| {
        let name = |(i, quota): (usize, &Quota)| format!("\"limit-{i}\";{}", item(quota));
        let items = quotas.iter().enumerate().map(name);
        items.collect::<Vec<_>>().join(", ")
    };
    if quotas.is_empty() {
        return;
    }
    let policy = list(&|quota| format!("q={};w={}", quota.limit.floor(), quota.window.ceil()));
    let state = list(&|quota| {
        let (left, reset) = (quota.remaining.floor(), quota.reset.ceil());
        format!("r={left};t={reset}")
    });
    set(headers, "ratelimit-policy", policy);
    set(headers, "ratelimit", state);
}

fn set(headers: &mut HeaderMap, name: &str, value: String) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
    headers.insert(name, HeaderValue::try_from(value).expect("a header value"));
}
