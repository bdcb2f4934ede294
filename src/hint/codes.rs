//! The codes of errors, and what they mean. They stand in bodies, and in a few headers.

use super::words;

/// Longer texts are no codes.
const MAX_LENGTH: usize = 128;

/// What a code says of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Refused for now.
    Temporary,
    /// Refused until the provider's next day.
    Daily,
    /// Refused, and no wait will change it.
    Permanent,
    /// This request is refused for good, and others are not.
    Request,
    /// It failed for a mistake in it: no limit is the cause, even if a quota is used up.
    Mistake,
}

/// Codes that are compared exactly: Scaleway calls a concurrency limit that clears in milliseconds
/// "INSUFFICIENT QUOTA".
const EXACT: [(&str, Meaning); 36] = [
    // OpenAI, Azure and those compatible: the account has no credit.
    ("insufficient_quota", Meaning::Permanent),
    // OpenAI: the account is not active (seen with status 429).
    ("billing_not_active", Meaning::Permanent),
    // OpenAI: the limit of spending that the account set itself.
    ("billing_hard_limit_reached", Meaning::Permanent),
    // OpenAI since 2026 (help.openai.com/en/articles/5955604).
    ("credit_balance_exhausted", Meaning::Permanent),
    ("organization_usage_limit_exceeded", Meaning::Permanent),
    ("organization_spend_limit_exceeded", Meaning::Permanent),
    ("project_spend_limit_exceeded", Meaning::Permanent),
    // Anthropic, in `details.error_code` (platform.claude.com/docs/en/api/rate-limits).
    ("enforced_spend_limit_reached", Meaning::Permanent),
    // Anthropic: a matter of payment (platform.claude.com/docs/en/api/errors).
    ("billing_error", Meaning::Permanent),
    // Moonshot: the account is suspended for its balance (platform.moonshot.ai/docs, "Error codes").
    ("exceeded_current_quota_error", Meaning::Permanent),
    // Zhipu: the account is in arrears; it is locked (docs.z.ai, "Error codes").
    ("1113", Meaning::Permanent),
    ("1112", Meaning::Permanent),
    // Volcengine: the account is overdue (volcengine.com/docs/82379, "Error codes").
    ("AccountOverdueError", Meaning::Permanent),
    // Alibaba Cloud: the account is overdue; the free tier is used up (DashScope, "Error codes").
    ("Arrearage", Meaning::Permanent),
    ("AllocationQuota.FreeTierOnly", Meaning::Permanent),
    // New API, which many resellers run: the user has no quota left.
    ("insufficient_user_quota", Meaning::Permanent),
    ("pre_consume_token_quota_failed", Meaning::Permanent),
    // What gateways and resellers of models say of an account without money.
    ("insufficient_balance", Meaning::Permanent),
    ("INSUFFICIENT_BALANCE", Meaning::Permanent),
    ("insufficient_balance_error", Meaning::Permanent),
    ("insufficient_credits", Meaning::Permanent),
    ("insufficient_funds", Meaning::Permanent),
    ("insufficient_credit", Meaning::Permanent),
    ("credits_exhausted", Meaning::Permanent),
    ("out_of_credits", Meaning::Permanent),
    ("payment_required", Meaning::Permanent),
    // Google Maps: no billing, or over the cap that the account set itself.
    ("OVER_DAILY_LIMIT", Meaning::Permanent),
    // Google: a day's quota (developers.google.com/bid-manager/quotas: "Do not retry";
    // developers.google.com/youtube/v3/determine_quota_cost: "reset at midnight Pacific Time").
    ("dailyLimitExceeded", Meaning::Daily),
    ("quotaExceeded", Meaning::Daily),
    // Google: a caller without a key has no quota at all.
    ("dailyLimitExceededUnreg", Meaning::Permanent),
    // OpenAI and Anthropic: too long or too large for the model, whoever sends it and whenever.
    ("context_length_exceeded", Meaning::Request),
    ("request_too_large", Meaning::Request),
    // Anthropic and OpenAI (platform.claude.com/docs/en/api/errors).
    ("invalid_request_error", Meaning::Mistake),
    ("authentication_error", Meaning::Mistake),
    ("permission_error", Meaning::Mistake),
    ("invalid_api_key", Meaning::Mistake),
];

/// Permanent codes that are temporary where the error has one of these texts. DashScope sends
/// `insufficient_quota` for the tokens of a minute, with a link to that limit (oh-my-pi#8476).
const SPARED: [(&str, &[&str]); 1] = [(
    "insufficient_quota",
    &["#token-limit", "#rate-limit", "Allocated quota exceeded"],
)];

/// Refused for now, as whole words.
const TEMPORARY: [&str; 10] = [
    // AWS, as botocore lists them (retries/standard.py), beside those that end like others.
    "provisionedthroughputexceededexception",
    "provisionedthroughputexceeded",
    "transactioninprogressexception",
    "bandwidthlimitexceeded",
    "limitexceededexception",
    "slowdown",
    "priorrequestnotcomplete",
    // Google (cloud.google.com/apis/design/errors): `RESOURCE_EXHAUSTED`.
    "resourceexhausted",
    // Microsoft (learn.microsoft.com/graph/errors; rest/api/storageservices).
    "activitylimitreached",
    "serverbusy",
];

/// Refused for now, as the ends of words. What stands before them names whose limit it is.
const TEMPORARY_ENDINGS: [&str; 22] = [
    // Google's `usageLimits`: `rateLimitExceeded`, `userRateLimitExceeded`; OpenAI, Foursquare:
    // `rate_limit_exceeded`.
    "ratelimitexceeded",
    "ratelimitexceedederror",
    "ratelimitexceededexception",
    // Linear: `RATELIMITED`; GitHub: `RATE_LIMITED`; Slack: `ratelimited`.
    "ratelimited",
    // Anthropic: `rate_limit_error`; Moonshot: `rate_limit_reached_error`.
    "ratelimiterror",
    "ratelimitreached",
    "ratelimitreachederror",
    "ratelimitexception",
    // AWS: `ThrottlingException`, `Throttling`, `RequestThrottled`, `EC2ThrottledException`,
    // `RequestThrottledException`, `TooManyRequestsException`, `RequestLimitExceeded`; Alibaba Cloud
    // has `Throttling.User`; Salesforce `REQUEST_LIMIT_EXCEEDED`; Shopify `THROTTLED`.
    "throttling",
    "throttlingexception",
    "throttlingerror",
    "throttled",
    "throttledexception",
    "toomanyrequests",
    "toomanyrequestsexception",
    "toomanyrequestserror",
    "requestlimitexceeded",
    // Intuit: `ThrottleExceeded`; Stack Exchange: `throttle_violation`.
    "throttleexceeded",
    "throttleviolation",
    // Google Maps: `OVER_QUERY_LIMIT`.
    "overquerylimit",
    // Mashery: `ERR_403_DEVELOPER_OVER_QPS`, `ERR_403_DEVELOPER_OVER_RATE`.
    "overqps",
    "overrate",
];

/// What a code means; `says` tells whether the error that it belongs to has a text.
pub(super) fn meaning(code: &str, says: impl Fn(&str) -> bool) -> Option<Meaning> {
    if code.len() > MAX_LENGTH {
        return None;
    }
    if let Some(&(_, meaning)) = EXACT.iter().find(|&&(known, _)| known == code) {
        let texts = SPARED.iter().find(|&&(known, _)| known == code);
        let spared = texts.is_some_and(|(_, texts)| texts.iter().any(|text| says(text)));
        return Some(if spared { Meaning::Temporary } else { meaning });
    }
    let name = local_name(code);
    // What ends with a separator was cut off there.
    name.ends_with(|c: char| c.is_ascii_alphanumeric())
        .then_some(())?;
    // Alibaba Cloud and Tencent Cloud put details after a dot.
    let family = name.split('.').next().unwrap_or(name);
    let known = [name, family].iter().any(|name| {
        TEMPORARY.iter().any(|word| words::same(name, word))
            || TEMPORARY_ENDINGS
                .iter()
                .any(|word| words::ends_with(name, word))
    });
    known.then_some(Meaning::Temporary)
}

/// AWS puts a namespace before the name, `com.amazonaws.dynamodb.v20120810#ThrottlingException`, and
/// an address after it, `ThrottlingException:http://internal.amazon.com/coral/`.
fn local_name(code: &str) -> &str {
    let name = code.split(':').next().unwrap_or(code);
    name.rsplit('#').next().unwrap_or(name).trim()
}
