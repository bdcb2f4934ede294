//! How long a refusal asks to wait, in forms that are easily misread.

use super::{read, verdict, wait};
use tower_throttle::hint::{Dimension, Verdict};

const DATE: (&str, &str) = ("date", "Mon, 23 Nov 2026 12:00:00 GMT");

#[test]
fn times_under_the_name_of_a_delay() {
    // docker/hub-feedback#2459.
    let docker = [
        ("date", "Thu, 01 May 2025 22:01:18 GMT"),
        ("retry-after", "1746136938"),
    ];
    assert_eq!(wait(&read(429, &docker, None)), Some(60_000));
    let read_one = |name, value| wait(&read(429, &[DATE, (name, value)], None));
    assert_eq!(read_one("retry-after", "1795435230000"), Some(30_000));
    assert_eq!(read_one("retry-after", "1795435230.5"), Some(30_500));
    assert_eq!(read_one("retry-after-ms", "1795435230000"), Some(30_000));
    assert_eq!(read_one("x-retry-after", "1795435230"), Some(30_000));
    assert_eq!(read_one("retry-after", "1795435190"), Some(0));
    // Three weeks in milliseconds, and a time that is not of this year.
    assert_eq!(
        read_one("retry-after-ms", "1795435230"),
        Some(1_795_435_230)
    );
    assert_eq!(
        read_one("retry-after", "1000000000"),
        Some(1_000_000_000_000)
    );
}

#[test]
fn finer_and_home_made_orders() {
    let wait = |lines: &[(&'static str, &str)]| wait(&read(429, lines, None));
    let traefik = [("retry-after", "1"), ("x-retry-in", "43.496787ms")];
    assert_eq!(wait(&traefik), Some(44));
    assert_eq!(
        wait(&[("retry-after", "1"), ("x-retry-in", "soon")]),
        Some(1_000)
    );
    assert_eq!(
        wait(&[("x-rate-limit-retry-after-seconds", "7")]),
        Some(7_000)
    );
    assert_eq!(
        wait(&[("x-rate-limit-retry-after-milliseconds", "70")]),
        Some(70)
    );
    assert_eq!(wait(&[("x-retry-after", "8")]), Some(8_000));
    assert_eq!(
        wait(&[("retry-after", "9"), ("x-retry-after", "8")]),
        Some(9_000)
    );
}

#[test]
fn parameters_after_counts() {
    // docker/docs#11648, and the same with a reset.
    let lines = [
        ("ratelimit-limit", "100;w=21600"),
        ("ratelimit-remaining", "0;w=21600"),
        ("ratelimit-reset", "30;w=21600"),
    ];
    let hint = read(429, &lines, None);
    let quota = hint.binding().unwrap();
    assert_eq!((quota.limit, quota.remaining), (Some(100), Some(0)));
    assert_eq!(quota.window.map(|window| window.as_secs()), Some(21_600));
    assert_eq!(wait(&hint), Some(30_000));
    let alone = read(200, &[("x-ratelimit-remaining", "76 ; w=60; x=1")], None);
    let quota = alone.binding().unwrap();
    assert_eq!(
        (quota.remaining, quota.window.map(|w| w.as_secs())),
        (Some(76), Some(60))
    );
}

#[test]
fn resets_of_quotas_that_are_not_used_up() {
    // agent-afk#488: Anthropic's subscriptions.
    let mut lines = vec![
        DATE,
        ("anthropic-ratelimit-unified-status", "allowed"),
        ("anthropic-ratelimit-unified-reset", "1795449600"),
        ("anthropic-ratelimit-unified-5h-status", "allowed"),
        ("anthropic-ratelimit-unified-5h-reset", "1795449600"),
        ("anthropic-ratelimit-unified-7d-status", "allowed_warning"),
        ("anthropic-ratelimit-unified-7d-reset", "1795867200"),
        ("anthropic-ratelimit-unified-overage-status", "rejected"),
        ("anthropic-ratelimit-unified-overage-reset", "1798761600"),
    ];
    let hint = read(429, &lines, None);
    assert_eq!((verdict(&hint), wait(&hint)), (Verdict::Retry, None));
    lines[3].1 = "rejected";
    assert_eq!(wait(&read(429, &lines, None)), Some(4 * 3_600_000));
    // Beside a quota that has room, one of which nothing is told may be the cause.
    let lines = [
        ("x-ratelimit-limit", "60"),
        ("x-ratelimit-used", "12"),
        ("x-ratelimit-reset", "3000"),
        ("x-ratelimit-reset-tokens", "7s"),
    ];
    assert_eq!(wait(&read(429, &lines, None)), Some(7_000));
}

#[test]
fn times_until_a_bucket_is_full() {
    let requests = |limit, reset| {
        let lines = [
            ("x-ratelimit-limit-requests", limit),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", reset),
        ];
        wait(&read(429, &lines, None))
    };
    assert_eq!(requests("14400", "24h0m0s"), Some(6_000));
    assert_eq!(requests("500", "1m0s"), Some(120));
    assert_eq!(requests("0", "1m0s"), Some(60_000));
    // A window's end, and a bucket of which one request takes nobody knows how much.
    assert_eq!(requests("60", "55"), Some(55_000));
    let tokens = [
        ("x-ratelimit-limit-tokens", "6000"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "1m0s"),
    ];
    assert_eq!(wait(&read(429, &tokens, None)), Some(60_000));
}

#[test]
fn short_forms_of_dates() {
    for value in [
        "2026-11-23T12:01Z",
        "2026-11-23T13:01+01:00",
        "2026-11-23T13:01:00+0100",
        "2026-11-23 07:01:00-05",
        "2026-11-23 12:01:00 UTC",
        "2026-11-23 13:01:00 +0100",
    ] {
        // JRACLOUD-69262.
        let lines = [
            DATE,
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", value),
        ];
        assert_eq!(wait(&read(429, &lines, None)), Some(60_000), "{value}");
    }
    for value in [
        "2026-11-23T12Z",
        "2026-11-23T1201Z",
        "2026-11-23T12:01",
        "2026-11-23T12:01+1",
    ] {
        let lines = [
            DATE,
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", value),
        ];
        assert_eq!(wait(&read(429, &lines, None)), None, "{value}");
    }
}

#[test]
fn debug_shows_no_units_name() {
    let lines = [
        (
            "ratelimit-policy",
            "\"a\";q=1;qu=\"user-4711-secret-token\"",
        ),
        ("ratelimit", "\"a\";r=1"),
    ];
    let hint = read(429, &lines, None);
    assert!(matches!(hint.quotas()[0].dimension, Dimension::Other(_)));
    for shown in [format!("{hint:?}"), format!("{:#?}", hint.quotas())] {
        assert!(!shown.contains("4711"), "{shown}");
    }
}

#[cfg(feature = "json")]
#[test]
fn waits_under_many_keys() {
    let wait = |body: &str| wait(&read(429, &[DATE], Some(body)));
    // flathunter#88.
    let telegram = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 34","parameters":{"retry_after":34}}"#;
    assert_eq!(wait(telegram), Some(34_000));
    assert_eq!(
        wait(r#"{"description":"Too Many Requests: retry after 34"}"#),
        Some(34_000)
    );
    assert_eq!(
        wait(r#"{"description":"Too Many Requests: retry after 2026-11-23"}"#),
        None
    );
    assert_eq!(wait(r#"{"error_message":"FLOOD_WAIT_42"}"#), Some(42_000));
    let cases = [
        (r#"{"retryAfter":2.5}"#, 2_500),
        (r#"{"retry_after":"7"}"#, 7_000),
        (r#"{"error":{"retry_after_ms":70}}"#, 70),
        (r#"{"error":{"metadata":{"retry_after_seconds":9}}}"#, 9_000),
        (r#"{"error":{"details":{"retryAfterMs":"900"}}}"#, 900),
        (r#"{"detail":{"retry_after":"12 seconds"}}"#, 12_000),
        (r#"{"error":{"data":{"retry-after":"1m30s"}}}"#, 90_000),
        (
            r#"{"errors":[{"extensions":{"resetAt":"2026-11-23T12:00:20Z"}}]}"#,
            20_000,
        ),
        (r#"{"error":{"resets_at":1795435215}}"#, 15_000),
        (r#"{"error":{"resets_at":1795435215000}}"#, 15_000),
        (r#"{"error":{"retry_after":1795435215}}"#, 15_000),
        (r#"{"reset_after":3,"message":"m"}"#, 3_000),
        (
            r#"{"error_message":"more requests available in 75 seconds"}"#,
            75_000,
        ),
        (
            r#"{"message":"Quota will be replenished in 00:01:05."}"#,
            65_000,
        ),
        (
            "<Error><RetryAfterSeconds>4</RetryAfterSeconds></Error>",
            4_000,
        ),
        // What is asked for outranks when something resets.
        (
            r#"{"retry_after":5,"reset_at":"2026-11-23T13:00:00Z"}"#,
            5_000,
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(wait(body), Some(expected), "{body}");
    }
    for body in [
        r#"{"retry_after":"soon"}"#,
        r#"{"retry_after":null,"reset_at":true}"#,
        r#"{"input":{"retry_after":5}}"#,
    ] {
        assert_eq!(wait(body), None, "{body}");
    }
}

#[cfg(feature = "json")]
#[test]
fn plans_that_are_used_up() {
    // claude-code-proxy#139.
    let bodies = [
        r#"{"error":{"type":"usage_limit_reached","resets_in_seconds":13872}}"#,
        r#"{"error":{"type":"usage_limit_reached","plan_type":"plus","resets_at":1795449072}}"#,
    ];
    for body in bodies {
        let hint = read(429, &[DATE], Some(body));
        assert_eq!(
            (verdict(&hint), wait(&hint)),
            (Verdict::OverCap, Some(13_872_000))
        );
    }
}

#[cfg(feature = "json")]
#[test]
fn headers_of_an_answer_behind() {
    // openclaude#936.
    let body = r#"{"error":{"metadata":{"headers":{"X-RateLimit-Limit":"50","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1795435230000"}}}}"#;
    let hint = read(429, &[DATE], Some(body));
    assert_eq!(wait(&hint), Some(30_000));
    assert_eq!(hint.binding().and_then(|quota| quota.limit), Some(50));
    let body = r#"{"error":{"response":{"headers":{"Date":"Mon, 23 Nov 2026 11:00:00 GMT","Retry-After":"Mon, 23 Nov 2026 11:00:05 GMT","bad name":1}}}}"#;
    assert_eq!(wait(&read(429, &[DATE], Some(body))), Some(5_000));
    // This answer's own come first.
    let own = [DATE, ("x-ratelimit-limit", "9"), ("retry-after", "2")];
    let hint = read(429, &own, Some(body));
    assert_eq!(wait(&hint), Some(2_000));
    assert_eq!(hint.quotas()[0].limit, Some(9));
}
