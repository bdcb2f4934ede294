use super::*;
use crate::limits::Limits;

/// A bucket of 10 at 10 a second, emptied and refused; and its answer under `hints`.
fn refused(hints: Hints) -> (Vec<Header>, Value) {
    let mut limits = Limits::new(&"rpm=600,burst=10".parse().expect("a sound spec"));
    let now = Duration::ZERO;
    for _ in 0..10 {
        limits.admit(now, 1).expect("within the burst");
    }
    let refusal = limits.admit(now, 1).expect_err("empty");
    let date = UNIX_EPOCH + Duration::from_millis(1_790_000_000_250);
    let headers = hints.headers(&limits.quotas(now), Some(&refusal), date);
    (headers, hints.refusal(&refusal))
}

fn pairs(headers: &[Header]) -> Vec<(&str, &str)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[test]
fn none_says_nothing_at_all() {
    let (headers, body) = refused(Hints::None);
    assert_eq!(pairs(&headers), []);
    assert!(!body.to_string().contains("again"));
}

#[test]
fn retry_after_is_rounded_up() {
    let (headers, _) = refused(Hints::RetryAfter);
    assert_eq!(pairs(&headers), [("retry-after", "1")]);
}

#[test]
fn openai_tells_the_bucket_and_the_wait_in_milliseconds() {
    let (headers, body) = refused(Hints::Openai);
    assert_eq!(
        pairs(&headers),
        [
            ("x-ratelimit-limit-requests", "10"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "1s"),
            ("retry-after", "1"),
            ("retry-after-ms", "100"),
        ]
    );
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    let message = body["error"]["message"].as_str().expect("a message");
    assert!(message.ends_with("Please try again in 100ms."), "{message}");
}

#[test]
fn anthropic_tells_the_date_of_the_reset() {
    let (headers, body) = refused(Hints::Anthropic);
    assert_eq!(
        pairs(&headers),
        [
            ("anthropic-ratelimit-requests-limit", "10"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-09-21T14:13:22Z"),
            ("retry-after", "1"),
        ]
    );
    assert_eq!(body["error"]["type"], "rate_limit_error");
}

#[test]
fn ietf_tells_policy_and_state_as_lists() {
    let (headers, _) = refused(Hints::Ietf);
    assert_eq!(
        pairs(&headers),
        [
            ("ratelimit-policy", "\"limit-0\";q=10;w=1"),
            ("ratelimit", "\"limit-0\";r=0;t=1"),
            ("retry-after", "1"),
        ]
    );
}

#[test]
fn a_concurrency_refusal_names_no_wait() {
    let mut limits = Limits::new(&"concurrency=1".parse().expect("a sound spec"));
    limits.admit(Duration::ZERO, 1).expect("free");
    let refusal = limits.admit(Duration::ZERO, 1).expect_err("full");
    for hints in [
        Hints::RetryAfter,
        Hints::Openai,
        Hints::Anthropic,
        Hints::Ietf,
    ] {
        assert_eq!(hints.headers(&[], Some(&refusal), UNIX_EPOCH), []);
        assert!(!hints.refusal(&refusal).to_string().contains("again"));
    }
}

#[test]
fn an_accepted_request_is_told_the_tightest_limit_of_each_kind() {
    let spec = "rpm=600,burst=10,window=4/5s,tpm=6000,burst=100";
    let mut limits = Limits::new(&spec.parse().expect("a sound spec"));
    limits.admit(Duration::ZERO, 30).expect("all free");
    let quotas = limits.quotas(Duration::ZERO);
    let headers = Hints::Openai.headers(&quotas, None, UNIX_EPOCH);
    assert_eq!(
        pairs(&headers),
        [
            ("x-ratelimit-limit-requests", "4"),
            ("x-ratelimit-remaining-requests", "3"),
            ("x-ratelimit-reset-requests", "5s"),
            ("x-ratelimit-limit-tokens", "100"),
            ("x-ratelimit-remaining-tokens", "70"),
            ("x-ratelimit-reset-tokens", "300ms"),
        ]
    );
}

#[test]
fn durations_look_like_go() {
    for (millis, text) in [
        (0, "0s"),
        (12, "12ms"),
        (1000, "1s"),
        (1182, "1.182s"),
        (1500, "1.5s"),
        (360_000, "6m0s"),
        (3_723_010, "1h2m3.01s"),
    ] {
        assert_eq!(go_duration(Duration::from_millis(millis)), text);
    }
    assert_eq!(go_duration(Duration::from_nanos(1)), "1ms");
}

#[test]
fn dates_know_leap_years_and_round_up() {
    for (seconds, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_399, "2000-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_709_251_199, "2024-02-29T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
    ] {
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
    }
    let fraction = UNIX_EPOCH + Duration::from_millis(1);
    assert_eq!(rfc3339(fraction), "1970-01-01T00:00:01Z");
}
