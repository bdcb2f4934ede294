//! What the simulated API tells of its limits, in the headers that real ones use.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::limits::{Quota, Unit};

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

/// How true the `Retry-After` is.
#[derive(Clone, Copy, Debug)]
pub enum Exactness {
    Right,
    /// What is told in milliseconds elsewhere is told in whole seconds.
    WholeSeconds,
    /// The true wait times this.
    Times(f64),
    /// Always the same number of seconds, also where no time is known to help.
    Always(f64),
}

/// Writes the headers of an answer given `now`; `refused` holds the true wait of a refusal.
pub fn write(
    headers: &mut HeaderMap,
    style: Style,
    exactness: Exactness,
    now: f64,
    quotas: &[Quota],
    refused: Option<Option<f64>>,
) {
    if style == Style::None {
        return;
    }
    // Windows end between the seconds of the clock that `Date` and an epoch are rounded to.
    let now = if style == Style::Epoch {
        now + 0.6
    } else {
        now
    };
    set(headers, "date", http_date(now));
    if let Some(Some(wait)) = refused {
        let wait = match exactness {
            Exactness::Right | Exactness::WholeSeconds => wait,
            Exactness::Times(factor) => wait * factor,
            Exactness::Always(seconds) => seconds,
        };
        retry_after(headers, wait);
        if style == Style::Traefik {
            set(headers, "x-retry-in", format!("{}ms", wait * 1000.0));
        }
        if style == Style::OpenAi && !matches!(exactness, Exactness::WholeSeconds) {
            set(
                headers,
                "retry-after-ms",
                format!("{}", (wait * 1000.0).ceil()),
            );
        }
    }
    for quota in quotas {
        let mut quota = *quota;
        if matches!(exactness, Exactness::WholeSeconds) {
            quota.reset = quota.reset.ceil();
        }
        describe(headers, style, now, &quota);
    }
}

/// Writes a wait in whole seconds.
pub fn retry_after(headers: &mut HeaderMap, seconds: f64) {
    set(headers, "retry-after", format!("{}", seconds.ceil()));
}

fn describe(headers: &mut HeaderMap, style: Style, now: f64, quota: &Quota) {
    let unit = match quota.unit {
        Unit::Requests => "requests",
        Unit::Tokens => "tokens",
    };
    let (limit, remaining) = (quota.limit.floor(), quota.remaining.floor());
    match style {
        Style::None | Style::RetryAfter | Style::Traefik => {}
        Style::Epoch => {
            set(headers, "x-ratelimit-limit", format!("{limit}"));
            set(headers, "x-ratelimit-remaining", format!("{remaining}"));
            let reset = MIDNIGHT + (now + quota.reset).ceil();
            set(headers, "x-ratelimit-reset", format!("{reset}"));
        }
        Style::OpenAi => {
            set(
                headers,
                &format!("x-ratelimit-limit-{unit}"),
                format!("{limit}"),
            );
            set(
                headers,
                &format!("x-ratelimit-remaining-{unit}"),
                format!("{remaining}"),
            );
            set(
                headers,
                &format!("x-ratelimit-reset-{unit}"),
                go_duration(quota.reset),
            );
        }
        Style::Anthropic => {
            let name = |what| format!("anthropic-ratelimit-{unit}-{what}");
            set(headers, &name("limit"), format!("{limit}"));
            set(headers, &name("remaining"), format!("{remaining}"));
            set(headers, &name("reset"), rfc3339((now + quota.reset).ceil()));
        }
        Style::Ietf => {
            let (window, reset) = (quota.window, quota.reset.ceil());
            set(
                headers,
                "ratelimit-policy",
                format!("\"default\";q={limit};w={window}"),
            );
            set(
                headers,
                "ratelimit",
                format!("\"default\";r={remaining};t={reset}"),
            );
        }
    }
}

fn set(headers: &mut HeaderMap, name: &str, value: String) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
    headers.insert(name, HeaderValue::try_from(value).expect("a header value"));
}

/// `1m3.5s`, `120ms`, as OpenAI writes it.
fn go_duration(seconds: f64) -> String {
    let ms = (seconds.max(0.0) * 1000.0).ceil();
    let (minutes, rest) = ((ms / 60_000.0).floor(), ms % 60_000.0);
    match () {
        () if minutes > 0.0 => format!("{minutes}m{}s", rest / 1000.0),
        () if rest >= 1000.0 => format!("{}s", rest / 1000.0),
        () => format!("{rest}ms"),
    }
}

/// The midnight at which every run begins, a Monday's, in seconds since the Unix epoch.
const MIDNIGHT: f64 = 1_767_571_200.0;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The month of the run's days, which are the 5th and those that follow.
const MONTH: (&str, &str) = ("Jan 2026", "2026-01");

/// The time of day, and which day of the run it is, from 0.
fn clock(seconds: f64) -> (String, usize) {
    let s = seconds as usize;
    let (day, s) = (s / 86_400, s % 86_400);
    assert!(day < 27, "a run stays within its month");
    (
        format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
        day,
    )
}

fn http_date(now: f64) -> String {
    let (time, day) = clock(now);
    let weekday = WEEKDAYS[day % WEEKDAYS.len()];
    format!("{weekday}, {:02} {} {time} GMT", 5 + day, MONTH.0)
}

fn rfc3339(at: f64) -> String {
    let (time, day) = clock(at);
    format!("{}-{:02}T{time}Z", MONTH.1, 5 + day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota {
        unit: Unit::Requests,
        limit: 10.0,
        remaining: 2.5,
        reset: 75.5,
        window: 60.0,
    };

    fn written(style: Style, exactness: Exactness) -> HeaderMap {
        let mut headers = HeaderMap::new();
        write(
            &mut headers,
            style,
            exactness,
            3661.2,
            &[QUOTA],
            Some(Some(7.5)),
        );
        headers
    }

    #[test]
    fn each_style_writes_its_own() {
        let openai = written(Style::OpenAi, Exactness::Right);
        assert_eq!(openai["x-ratelimit-remaining-requests"], "2");
        assert_eq!(openai["x-ratelimit-reset-requests"], "1m15.5s");
        assert_eq!(openai["retry-after-ms"], "7500");
        let anthropic = written(Style::Anthropic, Exactness::Right);
        assert_eq!(
            anthropic["anthropic-ratelimit-requests-reset"],
            "2026-01-05T01:02:17Z"
        );
        assert_eq!(anthropic["date"], "Mon, 05 Jan 2026 01:01:01 GMT");
        let ietf = written(Style::Ietf, Exactness::Right);
        assert_eq!(ietf["ratelimit"], "\"default\";r=2;t=76");
        let epoch = written(Style::Epoch, Exactness::Right);
        assert_eq!(epoch["date"], "Mon, 05 Jan 2026 01:01:01 GMT");
        // An hour, a minute, 1.8 s and the reset after midnight, rounded up.
        assert_eq!(epoch["x-ratelimit-reset"], "1767574938");
        assert!(written(Style::None, Exactness::Right).is_empty());
    }

    #[test]
    fn a_run_may_last_for_days() {
        let two_days = 2.0 * 86_400.0 + 1.0;
        assert_eq!(http_date(two_days), "Wed, 07 Jan 2026 00:00:01 GMT");
        assert_eq!(rfc3339(two_days), "2026-01-07T00:00:01Z");
    }

    #[test]
    fn a_wait_can_be_untrue() {
        let wait = |exactness| written(Style::RetryAfter, exactness)["retry-after"].clone();
        assert_eq!(wait(Exactness::Right), "8");
        assert_eq!(wait(Exactness::Times(0.1)), "1");
        assert_eq!(wait(Exactness::Times(3.0)), "23");
        assert_eq!(wait(Exactness::Always(20.0)), "20");
    }
}
