//! Refusals that only a body or a header tells from other answers with their status.

use super::{read, verdict, wait};
use tower_throttle::hint::Verdict;

/// 2026-11-23T12:00:30Z, in milliseconds.
const IN_30_S: &str = "1795435230000";

#[test]
fn bodies_that_make_a_refusal() {
    let cases = [
        // Google (gdrive#132), of which each reason counts.
        (
            403,
            r#"{"error":{"errors":[{"domain":"usageLimits","reason":"userRateLimitExceeded","message":"m"}],"code":403,"message":"m"}}"#,
        ),
        (
            403,
            r#"{"error":{"errors":[{"domain":"usageLimits","reason":"rateLimitExceeded"}],"code":403}}"#,
        ),
        (
            403,
            r#"{"error":{"code":403,"status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED"}]}}"#,
        ),
        // AWS (PynamoDB#218), in JSON and in XML.
        (
            400,
            r##"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"m"}"##,
        ),
        (
            400,
            r##"{"__type":"com.amazon.coral.availability#ThrottlingException"}"##,
        ),
        (
            400,
            r#"{"code":"TooManyRequestsException","message":"Rate exceeded"}"#,
        ),
        (
            400,
            "<?xml version=\"1.0\"?>\n<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>",
        ),
        (
            403,
            "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>",
        ),
        (400, "<Error><aws:Code >SlowDown</aws:Code></Error>"),
        // Alibaba Cloud.
        (400, r#"{"Code":"Throttling.User","Message":"m"}"#),
        // Linear (kata#78).
        (400, r#"{"errors":[{"extensions":{"code":"RATELIMITED"}}]}"#),
        // Stack Exchange, Foursquare, Salesforce, Facebook, Intuit.
        (
            400,
            r#"{"error_id":502,"error_name":"throttle_violation","error_message":"m"}"#,
        ),
        (
            403,
            r#"{"meta":{"code":403,"errorType":"rate_limit_exceeded"}}"#,
        ),
        (
            403,
            r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]"#,
        ),
        (
            400,
            r#"{"error":{"message":"m","type":"OAuthException","code":17,"fbtrace_id":"x"}}"#,
        ),
        (
            403,
            r#"{"Fault":{"Error":[{"Message":"m","code":"ThrottleExceeded"}]}}"#,
        ),
        // Texts: GitHub before 2021, Azure's API Management, Mashery, Bybit.
        (
            403,
            r#"{"message":"You have triggered an abuse detection mechanism."}"#,
        ),
        (
            403,
            r#"{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 00:01:05."}"#,
        ),
        (403, "<h1>Developer Over Qps</h1>"),
        (403, r#"{"retMsg":"m","message":"Access too frequent"}"#),
    ];
    for (status, body) in cases {
        let hint = read(status, &[], Some(body));
        assert_eq!(
            (verdict(&hint), hint.is_refusal()),
            (Verdict::Retry, true),
            "{body}"
        );
        assert!(
            !read(status, &[], None).is_refusal(),
            "{status} without a body"
        );
        // What is not there is not refused.
        assert!(!read(404, &[], Some(body)).is_refusal(), "404 {body}");
    }
}

#[test]
fn bodies_of_other_failures() {
    let cases = [
        (
            400,
            r#"{"error":{"type":"invalid_request_error","message":"Too many requests in batch"}}"#,
        ),
        (
            400,
            r#"{"error":{"code":"invalid_rate_limit","message":"No such rate limit"}}"#,
        ),
        (
            400,
            r##"{"__type":"com.amazonaws.sns#TopicLimitExceededException"}"##,
        ),
        (
            400,
            r#"{"error":{"code":17,"message":"Invalid parameter"}}"#,
        ),
        (400, r#"{"input":{"code":"ThrottlingException"}}"#),
        // Broken off within the code.
        (403, r#"{"error":{"code":"rate_limited_until_verif"#),
        (
            403,
            r#"{"error":{"errors":[{"domain":"global","reason":"insufficientPermissions"}]}}"#,
        ),
        (
            403,
            r#"{"error":{"errors":[{"domain":"usageLimits","reason":"accessNotConfigured"}]}}"#,
        ),
        (403, "<Error><Code>AccessDenied</Code></Error>"),
        (
            403,
            "<!doctype html><html><p>The error <code>Throttling</code> means that</p></html>",
        ),
    ];
    for (status, body) in cases {
        let hint = read(status, &[], Some(body));
        assert_eq!(verdict(&hint), Verdict::Accepted, "{body}");
    }
}

#[test]
fn codes_in_headers() {
    let cases = [
        (
            400,
            "x-amzn-errortype",
            "ThrottlingException:http://internal.amazon.com/coral/com.amazon.coral.availability/",
        ),
        (400, "x-amzn-errortype", "TooManyRequestsException"),
        (403, "x-mashery-error-code", "ERR_403_DEVELOPER_OVER_QPS"),
        (403, "x-mashery-error-code", "ERR_403_DEVELOPER_OVER_RATE"),
    ];
    for (status, name, code) in cases {
        assert!(read(status, &[(name, code)], None).is_refusal(), "{code}");
        let other = read(status, &[(name, "AccessDeniedException")], None);
        assert!(!other.is_refusal());
    }
}

#[test]
fn quotas_that_make_a_refusal() {
    // Linear (kata#78): the reset in milliseconds, not in seconds.
    let linear = [
        ("date", "Mon, 23 Nov 2026 12:00:00 GMT"),
        ("x-ratelimit-requests-limit", "1500"),
        ("x-ratelimit-requests-remaining", "0"),
        ("x-ratelimit-requests-reset", IN_30_S),
    ];
    let body = r#"{"errors":[{"extensions":{"code":"RATELIMITED"}}]}"#;
    for body in [None, Some(body)] {
        let hint = read(400, &linear, body);
        assert_eq!((hint.is_refusal(), wait(&hint)), (true, Some(30_000)));
    }
    // The last of a window may be spent on what is not there.
    assert!(!read(404, &linear, None).is_refusal());
    let used = [("x-ratelimit-limit", "60"), ("x-ratelimit-used", "60")];
    assert!(read(418, &used, None).is_refusal());
    assert!(!read(418, &[("x-ratelimit-remaining", "3")], None).is_refusal());
}

#[test]
fn mistakes_while_a_quota_is_used_up() {
    let requests = [("x-ratelimit-remaining-requests", "0")];
    let mistakes = [
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"m"}}"#,
        r#"{"error":{"type":"x","code":"invalid_api_key"}}"#,
    ];
    for body in mistakes {
        assert!(!read(400, &requests, Some(body)).is_refusal(), "{body}");
        assert!(read(429, &requests, Some(body)).is_refusal(), "{body}");
        assert!(read(400, &[("retry-after", "1")], Some(body)).is_refusal());
    }
    let refused = r#"{"error":{"type":"invalid_request_error","code":"rate_limit_exceeded"}}"#;
    assert!(read(400, &requests, Some(refused)).is_refusal());
    for tokens in [
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-priority-output-tokens-remaining",
        "x-ratelimit-remaining-tokens",
    ] {
        assert!(!read(422, &[(tokens, "0")], None).is_refusal(), "{tokens}");
    }
}

#[test]
fn days_end_at_midnight_pacific() {
    for (reason, hours) in [("dailyLimitExceeded", 20), ("quotaExceeded", 20)] {
        let body = format!(
            r#"{{"error":{{"errors":[{{"domain":"x","reason":"{reason}"}}],"code":403}}}}"#
        );
        let hint = read(403, &[], Some(&body));
        assert_eq!(verdict(&hint), Verdict::OverCap);
        assert_eq!(wait(&hint), Some(hours * 3_600_000));
        let late = [("date", "Mon, 23 Nov 2026 07:59:30 GMT")];
        assert_eq!(wait(&read(403, &late, Some(&body))), Some(30_000));
    }
}

#[test]
fn the_account_or_the_request() {
    let account = [
        // continue#11443.
        r#"{"error":{"type":"exceeded_current_quota_error","message":"Your account is suspended due to insufficient balance"}}"#,
        r#"{"error":{"code":"1113","message":"m"}}"#,
        r#"{"error":{"code":"insufficient_user_quota"}}"#,
        r#"{"code":"x","error":"Your team has either used all available credits or reached its monthly spending limit."}"#,
        r#"{"error":{"code":"insufficient_quota","message":"Limit 30000, Requested 35000"}}"#,
    ];
    for body in account {
        let hint = read(429, &[], Some(body));
        assert_eq!(
            (verdict(&hint), hint.names_request()),
            (Verdict::Permanent, false),
            "{body}"
        );
    }
    let request = [
        r#"{"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 35000.","code":"rate_limit_exceeded"}}"#,
        r#"{"error":{"message":"Limit: 6,000 / Requested: 9,164"}}"#,
        r#"{"error":{"code":"context_length_exceeded"}}"#,
        r#"{"type":"error","error":{"type":"request_too_large"}}"#,
    ];
    for body in request {
        let hint = read(429, &[], Some(body));
        assert_eq!(
            (verdict(&hint), hint.names_request()),
            (Verdict::Permanent, true),
            "{body}"
        );
    }
    let passing = read(
        429,
        &[],
        Some(r#"{"message":"Limit 30000, Requested 5000"}"#),
    );
    assert!(!passing.names_request());
    let forbidden = read(429, &[("x-should-retry", "false")], Some(request[0]));
    assert!(!forbidden.names_request());
}

#[test]
fn quotas_of_a_minute_under_a_permanent_code() {
    // oh-my-pi#8476.
    let dash_scope = [
        "Request failed: https://help.aliyun.com/zh/model-studio/error-code#token-limit",
        "Allocated quota exceeded, please increase your quota limit.",
    ];
    for message in dash_scope {
        for body in [
            format!(r#"{{"error":{{"code":"insufficient_quota","message":"{message}"}}}}"#),
            format!(r#"{{"error":{{"message":"{message}","type":"insufficient_quota"}}}}"#),
        ] {
            assert_eq!(
                verdict(&read(429, &[], Some(&body))),
                Verdict::Retry,
                "{body}"
            );
        }
    }
}
