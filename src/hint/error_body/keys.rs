//! The keys of errors, of JSON and of XML alike, and how their values are read.

use crate::hint::number::{MILLISECOND, SECOND};
use crate::hint::words;

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The wait that is asked for, a bare number, and how many nanoseconds its unit has.
    Wait(u64),
    /// When something resets: a time, or how long until then.
    Reset(u64),
    /// A code, or something that holds one.
    Code,
    /// Something that holds more of the error.
    Inner,
    /// The headers of an answer behind this one, by name.
    Headers,
}

/// The keys without the case of their letters and what separates their parts.
const KEYS: [(&str, Key); 61] = [
    // Discord, Telegram (`parameters.retry_after`), FastAPI's and Express' limiters.
    ("retryafter", Key::Wait(SECOND)),
    // OpenRouter: `metadata.retry_after_seconds`.
    ("retryafterseconds", Key::Wait(SECOND)),
    ("retryaftersecs", Key::Wait(SECOND)),
    ("retryaftersec", Key::Wait(SECOND)),
    ("retryafters", Key::Wait(SECOND)),
    ("retryinseconds", Key::Wait(SECOND)),
    ("retryin", Key::Wait(SECOND)),
    ("waitseconds", Key::Wait(SECOND)),
    ("secondstowait", Key::Wait(SECOND)),
    // Stack Exchange ("Throttles").
    ("backoff", Key::Wait(SECOND)),
    ("retryafterms", Key::Wait(MILLISECOND)),
    ("retryaftermillis", Key::Wait(MILLISECOND)),
    ("retryaftermilliseconds", Key::Wait(MILLISECOND)),
    ("retryinms", Key::Wait(MILLISECOND)),
    // The limiter of Node.js, rate-limiter-flexible.
    ("msbeforenext", Key::Wait(MILLISECOND)),
    ("retryat", Key::Wait(SECOND)),
    // Codex and Claude plans: `resets_in_seconds`, `resets_at` (claude-code-proxy#139).
    ("resetsinseconds", Key::Reset(SECOND)),
    ("resetinseconds", Key::Reset(SECOND)),
    ("resetsin", Key::Reset(SECOND)),
    ("resetin", Key::Reset(SECOND)),
    ("secondsuntilreset", Key::Reset(SECOND)),
    ("resetafter", Key::Reset(SECOND)),
    ("resetafterseconds", Key::Reset(SECOND)),
    ("resetseconds", Key::Reset(SECOND)),
    ("resetsinms", Key::Reset(MILLISECOND)),
    ("resetinms", Key::Reset(MILLISECOND)),
    ("resetafterms", Key::Reset(MILLISECOND)),
    ("resetms", Key::Reset(MILLISECOND)),
    ("resetsat", Key::Reset(SECOND)),
    // GitHub's GraphQL: `resetAt`.
    ("resetat", Key::Reset(SECOND)),
    ("resettime", Key::Reset(SECOND)),
    ("resettimestamp", Key::Reset(SECOND)),
    // Google's Code Assist.
    ("quotaresettimestamp", Key::Reset(SECOND)),
    ("reset", Key::Reset(SECOND)),
    ("code", Key::Code),
    ("type", Key::Code),
    // AWS's JSON protocols: `__type`.
    ("errorcode", Key::Code),
    ("errortype", Key::Code),
    // Stack Exchange.
    ("errorname", Key::Code),
    // Google: `errors[].reason`, `details[].reason`, `error.status`.
    ("reason", Key::Code),
    ("status", Key::Code),
    ("error", Key::Code),
    ("errors", Key::Code),
    ("name", Key::Code),
    // Anthropic and Google; FastAPI.
    ("details", Key::Inner),
    ("detail", Key::Inner),
    // GraphQL.
    ("extensions", Key::Inner),
    // Microsoft.
    ("innererror", Key::Inner),
    // OpenRouter, Google's `ErrorInfo`.
    ("metadata", Key::Inner),
    // Foursquare, JSON:API.
    ("meta", Key::Inner),
    // Telegram.
    ("parameters", Key::Inner),
    // JSON-RPC.
    ("data", Key::Inner),
    // Apigee.
    ("fault", Key::Inner),
    ("response", Key::Inner),
    ("errorresponse", Key::Inner),
    ("cause", Key::Inner),
    ("ratelimit", Key::Inner),
    ("ratelimits", Key::Inner),
    ("quota", Key::Inner),
    ("headers", Key::Headers),
    ("responseheaders", Key::Headers),
];

/// Longer keys are none of these.
const MAX_LENGTH: usize = 40;

/// How the value of a key is read, if it is one that errors have.
pub(super) fn find(key: &str) -> Option<Key> {
    (key.len() <= MAX_LENGTH).then_some(())?;
    let found = KEYS.iter().find(|(known, _)| words::same(key, known));
    found.map(|&(_, key)| key)
}
