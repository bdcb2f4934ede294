//! The dialects of error bodies, one by one.

use super::{read, verdict, wait};
use tower_throttle::hint::{Hint, Verdict};

fn body(text: &str) -> Hint {
    read(429, &[], Some(text))
}

fn message(text: &str) -> String {
    format!("{{\"error\":{{\"message\":\"{text}\",\"type\":\"tokens\"}}}}")
}

#[test]
fn permanent_codes_are_matched_exactly() {
    let permanent = [
        r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#,
        r#"{"error":{"code":"organization_spend_limit_exceeded","type":null}}"#,
        r#"{"error":{"details":{"error_code":"enforced_spend_limit_reached"}}}"#,
        r#"{"code":"credit_balance_exhausted"}"#,
        r#"{"error":{"type":"billing_not_active","code":"billing_not_active"}}"#,
        r#"[{"error":{"code":"project_spend_limit_exceeded"}}]"#,
        r#"{"error":"insufficient_quota"}"#,
        r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded for metric: x, limit: 0, model: y\nPlease retry in 47s.","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"47s"}]}}"#,
        r#"{"error":{"message":"Request too large for gpt-4o: Limit 30000, Requested 40000. ","code":"rate_limit_exceeded"}}"#,
    ];
    for text in permanent {
        let hint = body(text);
        let found = (verdict(&hint), hint.is_refusal(), hint.wait());
        assert_eq!(found, (Verdict::Permanent, true, None), "{text}");
    }
    let passing = [
        r#"{"error":"INSUFFICIENT QUOTA"}"#,
        r#"{"error":{"message":"insufficient_quota"}}"#,
        r#"{"error":{"code":"Insufficient_Quota"}}"#,
        r#"{"error":{"status":"RESOURCE_EXHAUSTED","message":"limit: 0.5, model: y; limit: 05"}}"#,
        r#"{"error":{"message":"Limit 40,000, Requested 30000."}}"#,
    ];
    for text in passing {
        assert_eq!(verdict(&body(text)), Verdict::Retry, "{text}");
    }
    let told = read(429, &[("x-should-retry", "true")], Some(permanent[0]));
    assert_eq!(verdict(&told), Verdict::Retry);
    assert_eq!(
        verdict(&read(400, &[], Some(permanent[0]))),
        Verdict::Accepted
    );
}

#[test]
fn waits_in_prose() {
    let cases = [
        ("Please try again in 976ms.", Some(976)),
        ("Please try again in 6m0s.", Some(360_000)),
        ("Please retry in 53.016342224s.", Some(53_017)),
        ("retry after 1 minute and 30 seconds", Some(90_000)),
        ("Your rate limit resets in ~30s.", Some(30_000)),
        ("Expected available in 1 second.", Some(1_000)),
        ("TRY AGAIN IN ABOUT 2 HOURS", Some(7_200_000)),
        ("Please wait for 20 seconds before the next", Some(20_000)),
        (
            "try again in 1s, or retry after 5 seconds, 3 times",
            Some(5_000),
        ),
        ("Please try again later", None),
        ("try again in a few minutes", None),
        ("retry after 30", None),
        ("retry after 2026-11-23", None),
        ("try again in 6m0", None),
        ("try again in -5s", None),
        ("try again in 5 bananas", None),
    ];
    for (text, expected) in cases {
        assert_eq!(wait(&body(&message(text))), expected, "{text}");
        assert_eq!(wait(&body(text)), expected, "plain: {text}");
    }
    let unbounded = format!("try again in {}h", "9".repeat(100));
    assert_eq!(wait(&body(&unbounded)), Some(u128::from(u64::MAX)));
}

#[test]
fn waits_in_fields() {
    let google = |delay: &str| {
        format!(
            r#"[{{"error":{{"details":[{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{delay}"}}]}}}}]"#
        )
    };
    assert_eq!(wait(&body(&google("58s"))), Some(58_000));
    assert_eq!(wait(&body(&google("0.500000001s"))), Some(501));
    assert_eq!(wait(&body(&google("-58s"))), None);
    assert_eq!(
        wait(&body(r#"{"retry_after":64.57,"global":false}"#)),
        Some(64_570)
    );
    assert_eq!(wait(&body(r#"{"retry_after":-1}"#)), None);
    assert_eq!(wait(&body(r#"{"input":"try again in 5s"}"#)), None);
}

#[test]
fn bodies_that_break_off() {
    let whole = message("Rate limit reached: Limit 2, Used 2. Please try again in 976ms. Visit us");
    // The stop may be a decimal point of what was cut off.
    let told = whole.find("976ms.").unwrap() + "976ms.".len();
    for end in 0..whole.len() {
        let expected = (end > told).then_some(976);
        assert_eq!(wait(&body(&whole[..end])), expected, "{}", &whole[..end]);
    }
    let code = r#"{"error":{"code":"insufficient_quota","message":"caf\u00e9 \"x\" and so on"#;
    for end in code.find(",\"message").unwrap() + 1..code.len() {
        assert_eq!(
            verdict(&body(&code[..end])),
            Verdict::Permanent,
            "{}",
            &code[..end]
        );
    }
    let stream = r#"[{"error":{"message":"Please retry in 5s."}}"#;
    assert_eq!(wait(&body(stream)), Some(5_000));
    let long = message(&format!(
        "Please try again in 976ms. {}",
        "x".repeat(200_000)
    ));
    assert_eq!(wait(&body(&long)), Some(976));
}

#[test]
fn github_secondary_limit() {
    let text = r#"{"message":"You have exceeded a secondary rate limit."}"#;
    assert_eq!(wait(&read(403, &[], Some(text))), Some(60_000));
    assert_eq!(wait(&read(429, &[], Some(text))), Some(60_000));
    assert_eq!(
        wait(&read(403, &[("retry-after", "7")], Some(text))),
        Some(7_000)
    );
    let forbidden = r#"{"message":"Resource not accessible"}"#;
    assert!(!read(403, &[], Some(forbidden)).is_refusal());
}

#[test]
fn quotas_in_prose() {
    let cases = [
        ("Maximum 5 requests within 1 minutes", ("requests", 5, 60)),
        (
            "Rate limit is 20 requests per minute.",
            ("requests", 20, 60),
        ),
        (
            "100 API calls/hour, or 9 requests per second",
            ("requests", 100, 3_600),
        ),
        (
            "your rate limit of 20,000 input tokens per minute",
            ("input-tokens", 20_000, 60),
        ),
        ("at most 30 queries every 10 seconds", ("requests", 30, 10)),
    ];
    for (text, expected) in cases {
        let hint = body(&message(text));
        let quota = hint.binding().unwrap();
        let window = quota.window.map(|window| window.as_secs());
        let dimension = quota.dimension.to_string();
        let found = (dimension.as_str(), quota.limit, window);
        let (dimension, limit, window) = expected;
        assert_eq!(found, (dimension, Some(limit), Some(window)), "{text}");
        assert_eq!((quota.remaining, wait(&hint)), (None, None), "{text}");
    }
    for text in [
        "5 requests were refused",
        "1.5 requests per minute",
        "12 bananas per minute",
        "5 requests per batch",
        "5 requests per 0 minutes",
        "gpt-4 requests per minute",
    ] {
        assert_eq!(body(&message(text)).quotas(), [], "{text}");
    }
    // What the headers tell is more, and a failure is no refusal.
    let told = read(429, &[("x-ratelimit-limit", "7")], Some(cases[0].0));
    assert_eq!(told.binding().and_then(|quota| quota.limit), Some(7));
    assert_eq!(read(422, &[], Some(cases[0].0)).quotas(), []);
}
