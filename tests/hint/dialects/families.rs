//! The dialects of rate limit headers, one by one.

use std::time::Duration;

use super::{read, wait};
use tower_throttle::hint::{Dimension, Quota, ResetKind};

type Told = (
    Dimension,
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Option<u64>,
    ResetKind,
);

/// Dimension, limit, remaining, reset in ms, window in s, kind.
fn told(quota: &Quota) -> Told {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap();
    (
        quota.dimension.clone(),
        quota.limit,
        quota.remaining,
        quota.reset.map(millis),
        quota.window.map(|window| window.as_secs()),
        quota.kind,
    )
}

fn quotas(lines: &[(&'static str, &str)]) -> Vec<Told> {
    read(200, lines, None).quotas().iter().map(told).collect()
}

#[test]
fn windows_in_names() {
    let mistral = quotas(&[
        ("x-ratelimit-limit-req-10-second", "60"),
        ("x-ratelimit-remaining-req-10-second", "59"),
        ("x-ratelimit-limit-tokens-minute", "2000000"),
        ("x-ratelimit-remaining-tokens-minute", "1999932"),
        ("x-ratelimit-limit-tokens-month", "10000000000"),
        ("x-ratelimit-tokens-query-cost", "68"),
    ]);
    let unknown = ResetKind::Unknown;
    assert_eq!(
        mistral,
        [
            (
                Dimension::Requests,
                Some(60),
                Some(59),
                None,
                Some(10),
                unknown
            ),
            (
                Dimension::Tokens,
                Some(2_000_000),
                Some(1_999_932),
                None,
                Some(60),
                unknown
            ),
            (
                Dimension::Tokens,
                Some(10_000_000_000),
                None,
                None,
                Some(30 * 86_400),
                unknown
            ),
        ]
    );
    let kong = quotas(&[
        ("x-ratelimit-limit-minute", "20"),
        ("x-ratelimit-remaining-minute", "19"),
        ("x-ratelimit-limit-hour", "500"),
    ]);
    assert_eq!(
        kong,
        [
            (
                Dimension::Unnamed,
                Some(20),
                Some(19),
                None,
                Some(60),
                unknown
            ),
            (
                Dimension::Unnamed,
                Some(500),
                None,
                None,
                Some(3_600),
                unknown
            ),
        ]
    );
}

#[test]
fn anthropic_tiers_are_kept_apart() {
    let hint = read(
        200,
        &[
            ("date", "Mon, 23 Nov 2026 12:00:00 GMT"),
            ("anthropic-ratelimit-input-tokens-limit", "200000"),
            ("anthropic-ratelimit-input-tokens-remaining", "186000"),
            (
                "anthropic-ratelimit-input-tokens-reset",
                "2026-11-23T12:00:04Z",
            ),
            ("anthropic-priority-input-tokens-limit", "10000"),
            ("anthropic-priority-input-tokens-remaining", "9000"),
        ],
        None,
    );
    let standard = &hint.quotas()[0];
    assert_eq!(standard.dimension, Dimension::InputTokens);
    assert_eq!(standard.kind, ResetKind::Full);
    assert_eq!(standard.refill_rate(), Some(14_000.0 / 4.0));
    assert_eq!(
        hint.quotas()[1].dimension.to_string(),
        "priority-input-tokens"
    );
}

#[test]
fn kinds_of_resets() {
    let kind = |lines: &[(&'static str, &str)]| quotas(lines)[0].5;
    assert_eq!(
        kind(&[("x-ratelimit-reset-tokens", "39ms")]),
        ResetKind::Full
    );
    assert_eq!(
        kind(&[("x-ratelimit-reset", "1795435260")]),
        ResetKind::Window
    );
    assert_eq!(kind(&[("x-ratelimit-reset", "2")]), ResetKind::Unknown);
    assert_eq!(kind(&[("ratelimit-reset", "2")]), ResetKind::Window);
    assert_eq!(
        kind(&[("x-ratelimit-reset-after", "1.5")]),
        ResetKind::Window
    );
    assert_eq!(kind(&[("ratelimit", "\"a\";r=1;t=5")]), ResetKind::Window);
    assert_eq!(kind(&[("ratelimit", "\"a\";r=1")]), ResetKind::Unknown);
    let date = kind(&[("x-ratelimit-reset", "Mon, 23 Nov 2026 12:01:00 GMT")]);
    assert_eq!(date, ResetKind::Window);
}

#[test]
fn units_of_bare_resets() {
    let reset =
        |value: &str| quotas(&[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", value)])[0].3;
    assert_eq!(reset("90"), Some(90_000));
    assert_eq!(reset("999999999"), Some(999_999_999_000));
    assert_eq!(reset("1795435290"), Some(90_000));
    assert_eq!(reset("0001795435290"), Some(90_000));
    assert_eq!(reset("1795435264.570"), Some(64_570));
    assert_eq!(reset("1795435290000"), Some(90_000));
    assert_eq!(reset("1795435290000000"), Some(90_000));
    assert_eq!(reset("1795435290000000000"), Some(90_000));
    assert_eq!(reset("999999999999999999999"), None);
    assert_eq!(reset("2026-11-23T12:01:30Z"), Some(90_000));
    assert_eq!(reset("-1"), None);
}

#[test]
fn gateways_and_shops() {
    let prefixed = quotas(&[
        ("llm_provider-x-ratelimit-limit-requests", "10"),
        ("llm_provider-x-ratelimit-remaining-requests", "4"),
        ("x-ratelimit-remaining-requests", "100"),
    ]);
    let unknown = ResetKind::Unknown;
    assert_eq!(
        prefixed,
        [
            (Dimension::Requests, Some(10), Some(4), None, None, unknown),
            (Dimension::Requests, None, Some(100), None, None, unknown),
        ]
    );
    let shop = quotas(&[("x-shopify-shop-api-call-limit", "32/40")]);
    assert_eq!(
        shop,
        [(Dimension::Requests, Some(40), Some(8), None, None, unknown)]
    );
    let listed = quotas(&[("x-ratelimit-limit", "100, 50;w=1, 100;w=60")]);
    assert_eq!(
        listed,
        [(Dimension::Unnamed, Some(100), None, None, Some(60), unknown)]
    );
}

#[test]
fn ietf_policies() {
    let window = ResetKind::Window;
    let hint = quotas(&[
        ("ratelimit", "\"default\";r=50;t=30"),
        (
            "ratelimit-policy",
            "\"burst\";q=100;w=60,\"default\";q=1000;w=3600",
        ),
    ]);
    assert_eq!(
        hint,
        [
            (
                Dimension::Requests,
                Some(1_000),
                Some(50),
                Some(30_000),
                Some(3_600),
                window
            ),
            (
                Dimension::Requests,
                Some(100),
                None,
                None,
                Some(60),
                ResetKind::Unknown
            ),
        ]
    );
    let concurrent = quotas(&[
        ("ratelimit", "\"c\";r=3"),
        ("ratelimit-policy", "\"c\";q=5;qu=\"concurrent-requests\""),
    ]);
    assert_eq!(concurrent[0].0, Dimension::ConcurrentRequests);
    let several_lines = quotas(&[
        ("ratelimit", "\"a\";r=5;t=1"),
        ("ratelimit", "\"b\";r=oops"),
        ("ratelimit", "\"c\";r=7;t=1"),
    ]);
    assert_eq!(several_lines.len(), 2);
    let dictionary = quotas(&[
        ("ratelimit", "limit=100, remaining=50, reset=5"),
        ("ratelimit-policy", "100;w=60, 5000;w=3600"),
    ]);
    assert_eq!(dictionary[0].4, Some(60));
}

#[test]
fn a_cached_answer_says_nothing_of_quotas() {
    assert_eq!(quotas(&[("ratelimit", "\"a\";r=5;t=1"), ("age", "3")]), []);
    assert_eq!(
        quotas(&[("ratelimit", "\"a\";r=5;t=1"), ("age", "0")]).len(),
        1
    );
}

#[test]
fn malformed_fields_are_dropped_alone() {
    // Azure, late 2025.
    let hint = read(
        429,
        &[
            ("x-ratelimit-limit-tokens", "-1"),
            ("x-ratelimit-remaining-tokens", "-1"),
            ("x-ratelimit-reset-tokens", "55"),
        ],
        None,
    );
    assert_eq!(wait(&hint), Some(55_000));
    assert_eq!(hint.binding().map(|quota| quota.remaining), Some(None));
    assert_eq!(
        quotas(&[("x-ratelimit-limit", "many"), ("x-ratelimit-reset", "soon")]),
        []
    );
}

#[test]
fn the_tightest_quota_binds() {
    let binding = |lines: &[(&'static str, &str)]| {
        let hint = read(200, lines, None);
        let quota = hint.binding().unwrap();
        (quota.dimension.to_string(), quota.fraction_left())
    };
    let exhausted = binding(&[
        ("x-ratelimit-limit-tokens", "100"),
        ("x-ratelimit-remaining-tokens", "1"),
        ("x-ratelimit-remaining-requests", "0"),
    ]);
    assert_eq!(exhausted, ("requests".into(), Some(0.0)));
    let unknown_limits = binding(&[
        ("x-ratelimit-remaining-tokens", "119984"),
        ("x-ratelimit-remaining-requests", "119"),
    ]);
    assert_eq!(unknown_limits, ("requests".into(), None));
}

#[test]
fn debug_shows_no_header_value() {
    let lines = [
        ("x-ratelimit-limit", "s3cret"),
        ("x-ratelimit-remaining", "1"),
        ("x-should-retry", "s3cret"),
        ("ratelimit", "\"s3cret\";r=1;t=5;pk=:s3cret:"),
    ];
    let hint = read(429, &lines, Some("{\"error\":{\"message\":\"s3cret\"}}"));
    assert!(!format!("{hint:?}").contains("s3cret"));
    let long = [(
        "x-ratelimit-limit-a-very-long-name-that-somebody-chose-to-fill-memory",
        "1",
    )];
    assert_eq!(
        read(200, &long, None).quotas()[0]
            .dimension
            .to_string()
            .len(),
        32
    );
}
