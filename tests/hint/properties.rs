//! Whatever a server sends: the parse ends, within bounds, and what it says is consistent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;
use tower_throttle::hint::{DEFAULT_MAX_SERVER_WAIT as CAP, Hint, Verdict};

/// Names that are read, and fragments to make more of them.
fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "retry-after",
        "retry-after-ms",
        "x-ms-retry-after-ms",
        "x-amz-retry-after",
        "x-should-retry",
        "x-ratelimit-retry-after",
        "x-retry-in",
        "x-amzn-errortype",
        "anthropic-ratelimit-unified-status",
        "stripe-should-retry",
        "date",
        "age",
        "ratelimit",
        "ratelimit-policy",
        "x-shopify-shop-api-call-limit",
        "x-trial-endpoint-call-remaining",
        "anthropic-priority-input-tokens-reset",
        "ratelimitbysize-reset",
    ]);
    let made = "(x-|anthropic-|a-b-)?(ratelimit|rate-limit)(-limit|-remaining|-reset|-reset-after|-renewalperiod)?(-requests|-tokens|-10-second|-month)?(-limit|-remaining|-reset)?";
    prop_oneof![3 => known.prop_map(str::to_owned), 6 => made, 1 => "[a-z0-9_.-]{1,40}"]
}

/// Values in the forms that are read, nearly in them, and not at all.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let shaped = prop_oneof![
        "[0-9]{1,25}(\\.[0-9]{1,25})?",
        "([0-9]{1,4}(\\.[0-9]{1,3})?(h|m|s|ms|us|ns)?){1,4}",
        "(Mon|Fri|Sunday), [0-9]{2}[ -](Feb|Nov|Dec)[ -][0-9]{2,4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        "Tue Dec [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,12})?(Z|[+-][0-9]{2}:[0-9]{2})",
        "(\"[a-z]{0,3}\"(;(r|t|q|w|qu|pk)=(-?[0-9]{1,17}|\"[a-z-]{0,20}\"|:[a-zA-Z=]{0,5}:)){0,4}(, )?){1,4}",
        "((limit|remaining|reset)=[0-9]{1,17}(, )?){1,4}",
        "[0-9]{1,6}(, [0-9]{1,6};w=[0-9]{1,6}){0,3}",
        "[0-9]{1,6}/[0-9]{1,6}",
        "true|false|-1|inf|NaN",
    ];
    prop_oneof![8 => shaped.prop_map(String::into_bytes), 1 => prop::collection::vec(any::<u8>(), 0..40)]
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    prop::collection::vec((name(), value()), 0..40).prop_map(|lines| {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&value)) {
                headers.append(name, value);
            }
        }
        headers
    })
}

fn status() -> impl Strategy<Value = StatusCode> {
    let refusing = prop::sample::select(vec![
        400u16, 403, 408, 409, 413, 418, 420, 425, 429, 498, 503, 509, 529,
    ]);
    prop_oneof![4 => refusing, 1 => 100u16..1_000]
        .prop_map(|code| StatusCode::from_u16(code).unwrap())
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let text = "(Please )?(try again in|retry after|resets in|Limit|limit:|Requested) ~?[0-9]{0,20}(\\.[0-9]{1,30})?(h|m|ms| seconds)?[a-z0-9\\\\\" ]{0,20}";
    let key = prop::sample::select(vec![
        "error",
        "message",
        "code",
        "type",
        "details",
        "@type",
        "retryDelay",
        "retry_after",
        "retryAfterMs",
        "resets_at",
        "status",
        "headers",
        "X-RateLimit-Remaining",
    ]);
    let leaf = prop_oneof![
        text.prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        prop::sample::select(vec![
            "insufficient_quota",
            "RESOURCE_EXHAUSTED",
            "google.rpc.RetryInfo",
            "ThrottlingException",
            "2026-11-23T12:01Z",
            "5 requests per 2 minutes",
            "0",
            "5s"
        ])
        .prop_map(serde_json::Value::from),
    ];
    let json = leaf.prop_recursive(5, 40, 5, move |inner| {
        let object =
            prop::collection::vec((key.clone(), inner.clone()), 0..5).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            });
        prop_oneof![
            3 => object.prop_map(serde_json::Value::Object),
            1 => prop::collection::vec(inner, 0..4).prop_map(serde_json::Value::from),
        ]
    });
    let cut = (json, any::<prop::sample::Index>()).prop_map(|(json, at)| {
        let mut text = json.to_string().into_bytes();
        text.truncate(at.index(text.len() + 1));
        text
    });
    prop_oneof![6 => cut, 1 => text.prop_map(String::into_bytes), 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

fn time() -> impl Strategy<Value = SystemTime> {
    prop_oneof![
        (0u64..10_000_000_000).prop_map(|s| UNIX_EPOCH + Duration::from_secs(s)),
        any::<u32>().prop_map(|s| UNIX_EPOCH - Duration::from_secs(u64::from(s) * 100)),
    ]
}

fn http_dates(seconds: i64) -> [String; 2] {
    // Counts the days one by one, so that it shares nothing with the parser.
    const MONTHS: [(&str, i64); 12] = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    let (mut day, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let mut year = 1970;
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while day >= 365 + i64::from(leap(year)) {
        day -= 365 + i64::from(leap(year));
        year += 1;
    }
    let mut name = "";
    for (month, days) in MONTHS {
        let days = days + i64::from(month == "Feb" && leap(year));
        name = month;
        if day < days {
            break;
        }
        day -= days;
    }
    let (day, time) = (
        day + 1,
        format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60),
    );
    [
        format!("Mon, {day:02} {name} {year} {time} GMT"),
        format!("Mon {name} {day:2} {time} {year}"),
    ]
}

fn refused(headers: &HeaderMap, body: Option<&[u8]>) -> Hint {
    Hint::parse(StatusCode::TOO_MANY_REQUESTS, headers, body, UNIX_EPOCH)
}

fn with(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_response_is_read_within_bounds(
        status in status(),
        headers in headers(),
        body in prop::option::of(body()),
        received in time(),
    ) {
        let hint = Hint::parse(status, &headers, body.as_deref(), received);
        let verdict = hint.verdict(CAP);
        match verdict {
            Verdict::Retry => prop_assert!(hint.wait().is_none_or(|wait| wait <= CAP)),
            Verdict::OverCap => prop_assert!(hint.wait().is_some_and(|wait| wait > CAP)),
            _ => prop_assert_eq!(hint.wait(), None),
        }
        if status.as_u16() < 400 {
            prop_assert!(verdict == Verdict::Accepted && !hint.is_refusal());
        }
        // Can be slept, and added to a clock.
        let now = tokio::time::Instant::now();
        prop_assert!(now.checked_add(hint.wait().unwrap_or_default()).is_some());

        prop_assert!(hint.quotas().len() <= 16);
        let tightest = hint.binding().and_then(|quota| quota.fraction_left());
        for quota in hint.quotas() {
            let within = quota.remaining.zip(quota.limit).is_none_or(|(left, limit)| left <= limit);
            prop_assert!(within);
            let left = quota.fraction_left();
            prop_assert!(left.is_none_or(|left| (0.0..=1.0).contains(&left)));
            prop_assert!(left.is_none_or(|left| tightest.is_some_and(|tightest| tightest <= left)));
            prop_assert!(quota.refill_rate().is_none_or(|rate| rate.is_finite() && rate > 0.0));
            let name = quota.dimension.to_string();
            prop_assert!(name.len() <= 32 && name.chars().all(|c| matches!(c, ' '..='~')));
        }
        prop_assert_eq!(&hint, &Hint::parse(status, &headers, body.as_deref(), received));
    }

    #[test]
    fn any_bytes_are_a_body(body in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = refused(&HeaderMap::new(), Some(&body));
    }

    #[test]
    fn delay_seconds_are_exact(seconds in 0..u64::MAX / 1_000) {
        let headers = with("retry-after", &seconds.to_string());
        let hint = refused(&headers, None);
        prop_assert_eq!(hint.wait(), Some(Duration::from_secs(seconds)));
    }

    #[test]
    fn http_dates_are_exact(seconds in 0i64..253_402_300_800) {
        for date in http_dates(seconds) {
            let headers = with("retry-after", &date);
            let hint = refused(&headers, None);
            let wait = hint.wait().map(|wait| wait.as_secs());
            prop_assert_eq!(wait, u64::try_from(seconds).ok(), "{}", date);
        }
    }

    #[test]
    fn go_durations_are_exact(hours in 0u64..100, minutes in 0u64..60, millis in 0u64..60_000) {
        let text = format!("{hours}h{minutes}m{}.{:03}s", millis / 1_000, millis % 1_000);
        let headers = with("x-ratelimit-reset-tokens", &text);
        let hint = Hint::parse(StatusCode::OK, &headers, None, UNIX_EPOCH);
        let expected = Duration::from_millis((hours * 60 + minutes) * 60_000 + millis);
        prop_assert_eq!(hint.quotas()[0].reset, Some(expected));
    }

    #[test]
    fn the_cap_is_inclusive(millis in 1u64..10_000_000, cap in 0u64..10_000_000) {
        let headers = with("retry-after-ms", &millis.to_string());
        let hint = refused(&headers, None);
        let expected = if millis <= cap { Verdict::Retry } else { Verdict::OverCap };
        prop_assert_eq!(hint.verdict(Duration::from_millis(cap)), expected);
    }

    #[test]
    fn a_clock_that_is_wrong_does_not_matter(offset in any::<u32>(), wait in 0u32..1_000_000) {
        let [date, _] = http_dates(i64::from(offset));
        let [until, _] = http_dates(i64::from(offset) + i64::from(wait));
        let mut headers = with("retry-after", &until);
        headers.insert("date", HeaderValue::from_str(&date).unwrap());
        let hint = refused(&headers, None);
        prop_assert_eq!(hint.wait(), Some(Duration::from_secs(u64::from(wait))));
    }
}
