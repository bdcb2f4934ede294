//! Which answers are refusals, and for how long.

use super::{read, verdict, wait};
use tower_throttle::hint::Verdict;

#[test]
fn the_latest_reset_of_the_exhausted_quotas_counts() {
    let lines = [
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "6s"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "20ms"),
        ("x-ratelimit-remaining-images", "5"),
        ("x-ratelimit-reset-images", "50s"),
    ];
    assert_eq!(wait(&read(429, &lines, None)), Some(6_000));
    let not_exhausted = [("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "50")];
    assert_eq!(wait(&read(429, &not_exhausted, None)), None);
    let orphan = [("x-rate-limit-reset-tokens", "55")];
    assert_eq!(wait(&read(429, &orphan, None)), Some(55_000));
    assert_eq!(wait(&read(503, &orphan, None)), None);
}

#[test]
fn statuses_need_their_evidence() {
    for status in [408, 420, 425, 429, 498, 503, 509, 529] {
        assert_eq!(
            verdict(&read(status, &[], None)),
            Verdict::Retry,
            "{status}"
        );
    }
    for status in [
        200, 301, 400, 401, 402, 403, 404, 409, 413, 418, 500, 502, 504,
    ] {
        let hint = read(status, &[], None);
        assert_eq!(
            (verdict(&hint), hint.is_refusal()),
            (Verdict::Accepted, false),
            "{status}"
        );
        assert!(hint.is_empty());
    }
    let ra = [("retry-after", "3")];
    for status in [400, 401, 403, 409, 413, 418, 422] {
        assert_eq!(wait(&read(status, &ra, None)), Some(3_000), "{status}");
    }
    for status in [200, 301, 402, 404, 500, 502] {
        assert_eq!(wait(&read(status, &ra, None)), None, "{status}");
    }
    assert!(!read(403, &[("retry-after", "later")], None).is_refusal());
    let told = read(500, &[("x-should-retry", "true")], None);
    assert_eq!((verdict(&told), told.is_refusal()), (Verdict::Retry, false));
    let told = read(409, &[("stripe-should-retry", "true")], None);
    assert_eq!((verdict(&told), told.is_refusal()), (Verdict::Retry, true));
    let told = read(
        429,
        &[("x-should-retry", "false"), ("retry-after", "3")],
        None,
    );
    assert_eq!(
        (verdict(&told), told.is_refusal(), told.wait()),
        (Verdict::Forbidden, true, None)
    );
    assert_eq!(
        verdict(&read(200, &[("x-should-retry", "true")], None)),
        Verdict::Accepted
    );
}

#[test]
fn forms_of_retry_after() {
    let wait = |value: &str| {
        let date = ("date", "Mon, 23 Nov 2026 12:00:00 GMT");
        wait(&read(429, &[("retry-after", value), date], None))
    };
    assert_eq!(wait("2.0"), Some(2_000));
    assert_eq!(wait("0.0001"), Some(1));
    assert_eq!(wait("Mon, 23 Nov 2026 12:00:30 gmt"), Some(30_000));
    assert_eq!(wait("5, Mon, 23 Nov 2026 12:00:30 GMT, 10"), Some(30_000));
    assert_eq!(
        wait("Monday, 23-Nov-76 12:00:00 GMT"),
        Some(1_577_923_200_000)
    );
    assert_eq!(wait("Monday, 23-Nov-76 12:00:01 GMT"), Some(0));
    assert_eq!(
        wait("Thu, 29 Feb 2028 00:00:00 GMT").map(|ms| ms > 0),
        Some(true)
    );
    let bad = [
        "Sat, 29 Feb 2027 00:00:00 GMT",
        "Mon, 00 Nov 2026 12:00:00 GMT",
        "Mon, 23 Nov 2026 24:00:00 GMT",
        "Mon, 23 Nov 2026 12:60:00 GMT",
        "Mon, 23 Nov 2026 12:00:00 UTC",
        "Xyz, 23 Nov 2026 12:00:30 GMT",
        "Mon, 23 Nox 2026 12:00:30 GMT",
        "2026-11-23T12:00:30Z",
        "1e3",
        "0x10",
        "+5",
        ",",
        ", ,",
    ];
    for value in bad {
        assert_eq!(wait(value), None, "{value}");
    }
    assert_eq!(wait(&"9".repeat(400)), Some(u128::from(u64::MAX)));
}

/// What providers have sent.
#[test]
fn real_refusals() {
    // Anthropic: the bucket is full in 63 s, the request fits in 16 s.
    let hint = read(
        429,
        &[
            ("date", "Mon, 23 Nov 2026 12:00:00 GMT"),
            ("retry-after", "16"),
            ("anthropic-ratelimit-input-tokens-limit", "20000"),
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            (
                "anthropic-ratelimit-input-tokens-reset",
                "2026-11-23T12:01:03Z",
            ),
        ],
        None,
    );
    assert_eq!(wait(&hint), Some(16_000));
    // OpenRouter: epoch milliseconds.
    let openrouter = [
        ("x-ratelimit-limit", "20"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1795435260000"),
    ];
    assert_eq!(wait(&read(429, &openrouter, None)), Some(60_000));
    // Shopify: a fraction of seconds, and the bucket as used of limit.
    let shopify = [
        ("retry-after", "2.0"),
        ("x-shopify-shop-api-call-limit", "40/40"),
    ];
    let hint = read(429, &shopify, None);
    assert_eq!(wait(&hint), Some(2_000));
    assert_eq!(hint.binding().map(|quota| quota.is_exhausted()), Some(true));
    // OpenAI has sent a wait of three days.
    let days = read(429, &[("retry-after", "277403")], None);
    assert_eq!(
        (verdict(&days), wait(&days)),
        (Verdict::OverCap, Some(277_403_000))
    );
    // MailerLite's own name.
    assert_eq!(
        wait(&read(429, &[("x-ratelimit-retry-after", "9")], None)),
        Some(9_000)
    );
}
