use super::*;
use crate::limits::Refusal;

/// 10 in a minute, of which 2.5 are left.
const QUOTA: Quota = Quota {
    unit: Unit::Requests,
    limit: 10.0,
    remaining: 2.5,
    reset: 75.5,
    window: 60.0,
    per_second: Some(0.1),
};

fn told(style: Style, exactness: Exactness, quotas: &[Quota]) -> HeaderMap {
    let now = Moment::of_run(3661.2);
    headers(style, exactness, now, quotas, Some(Some(7.5)))
}

fn written(style: Style, exactness: Exactness) -> HeaderMap {
    told(style, exactness, &[QUOTA])
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
    assert_eq!(ietf["ratelimit"], "\"limit-0\";r=2;t=76");
    let epoch = written(Style::Epoch, Exactness::Right);
    assert_eq!(epoch["date"], "Mon, 05 Jan 2026 01:01:01 GMT");
    // An hour, a minute, 1.8 s and the reset after midnight, rounded up.
    assert_eq!(epoch["x-ratelimit-reset"], "1767574938");
    assert!(written(Style::None, Exactness::Right).is_empty());
}

#[test]
fn a_wait_can_be_untrue() {
    let wait = |exactness| written(Style::RetryAfter, exactness)["retry-after"].clone();
    assert_eq!(wait(Exactness::Right), "8");
    assert_eq!(wait(Exactness::Times(0.1)), "1");
    assert_eq!(wait(Exactness::Times(3.0)), "23");
    assert_eq!(wait(Exactness::Always(20.0)), "20");
}

#[test]
fn a_bucket_can_tell_its_rate_exactly() {
    let openai = written(Style::OpenAi, Exactness::WholeUnits);
    assert_eq!(openai["x-ratelimit-remaining-requests"], "2");
    // Eight are missing, at one in ten seconds.
    assert_eq!(openai["x-ratelimit-reset-requests"], "1m20s");
}

/// A bucket of requests, a window of them that is closer to its end, and a bucket of tokens.
fn three() -> [Quota; 3] {
    let window = Quota {
        limit: 4.0,
        remaining: 1.0,
        reset: 5.0,
        window: 5.0,
        per_second: None,
        ..QUOTA
    };
    let tokens = Quota {
        unit: Unit::Tokens,
        limit: 100.0,
        remaining: 70.0,
        reset: 0.3,
        ..QUOTA
    };
    [
        Quota {
            remaining: 9.0,
            ..QUOTA
        },
        window,
        tokens,
    ]
}

#[test]
fn of_limits_that_count_the_same_the_tightest_is_told() {
    let openai = told(Style::OpenAi, Exactness::Right, &three());
    assert_eq!(openai["x-ratelimit-limit-requests"], "4");
    assert_eq!(openai["x-ratelimit-remaining-requests"], "1");
    assert_eq!(openai["x-ratelimit-reset-requests"], "5s");
    assert_eq!(openai["x-ratelimit-limit-tokens"], "100");
    assert_eq!(openai["x-ratelimit-remaining-tokens"], "70");
    assert_eq!(openai["x-ratelimit-reset-tokens"], "300ms");
}

#[test]
fn the_ietf_lists_all() {
    let ietf = told(Style::Ietf, Exactness::Right, &three());
    assert_eq!(
        ietf["ratelimit-policy"],
        "\"limit-0\";q=10;w=60, \"limit-1\";q=4;w=5, \"limit-2\";q=100;w=60"
    );
    assert_eq!(
        ietf["ratelimit"],
        "\"limit-0\";r=9;t=76, \"limit-1\";r=1;t=5, \"limit-2\";r=70;t=1"
    );
    assert!(!told(Style::Ietf, Exactness::Right, &[]).contains_key("ratelimit"));
}

#[test]
fn a_body_says_what_was_refused_and_openais_when_to_come_back() {
    let refusal = Refusal {
        status: 429,
        wait: Some(0.1),
        unit: Some(Unit::Requests),
    };
    assert_eq!(
        refusal_body(Style::OpenAi, &refusal),
        "{\"error\":{\"message\":\"Rate limit reached: too many requests. Please try again in 100ms.\",\
         \"type\":\"requests\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}"
    );
    let in_flight = Refusal {
        wait: None,
        unit: None,
        ..refusal
    };
    let message = "Rate limit reached: too many concurrent requests.";
    for (style, body) in [
        (Style::RetryAfter, format!("{{\"error\":\"{message}\"}}")),
        (
            Style::Anthropic,
            format!(
                "{{\"type\":\"error\",\"error\":{{\"type\":\"rate_limit_error\",\"message\":\"{message}\"}}}}"
            ),
        ),
    ] {
        assert_eq!(refusal_body(style, &in_flight), body);
    }
    assert!(!refusal_body(Style::OpenAi, &in_flight).contains("again"));
}

#[test]
fn a_refusal_without_a_wait_names_none() {
    for style in [
        Style::RetryAfter,
        Style::OpenAi,
        Style::Anthropic,
        Style::Ietf,
        Style::Traefik,
    ] {
        let told = headers(
            style,
            Exactness::Right,
            Moment::of_run(0.0),
            &[],
            Some(None),
        );
        assert_eq!(told.keys().collect::<Vec<_>>(), ["date"], "{style:?}");
    }
}
