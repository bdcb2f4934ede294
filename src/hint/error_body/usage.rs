//! What messages meant for people tell of a quota and of the request that it refused: "on tokens per min (TPM): Limit
//! 200000, Used 195663, Requested 7592" (OpenAI, Groq).

use std::time::Duration;

use super::prose;
use crate::hint::quota::{Dimension, Quota};

/// What is counted, in lower case, the more exact first.
const COUNTED: [(&str, Dimension); 4] = [
    ("input tokens per", Dimension::InputTokens),
    ("output tokens per", Dimension::OutputTokens),
    ("tokens per", Dimension::Tokens),
    ("requests per", Dimension::Requests),
];

/// The windows of limits, in lower case, in seconds.
const WINDOWS: [(&str, u64); 3] = [(" per min", 60), (" per hour", 3_600), (" per day", 86_400)];

/// A quota, and what the refused request asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) quota: Quota,
    pub(super) requested: u64,
}

/// What a text tells of a quota and of the refused request, if it tells of both.
pub(super) fn read(text: &str) -> Option<Usage> {
    let number = |word| prose::number_after(text, word);
    let (limit, used, requested) = (number("Limit")?, number("Used")?, number("Requested")?);
    let counted = COUNTED
        .iter()
        .find(|(phrase, _)| prose::contains(text, phrase));
    let window = WINDOWS
        .iter()
        .find(|(phrase, _)| prose::contains(text, phrase));
    Some(Usage {
        quota: Quota {
            dimension: counted.map(|(_, dimension)| dimension.clone())?,
            limit: Some(limit),
            remaining: Some(limit.saturating_sub(used)),
            window: window.map(|(_, seconds)| Duration::from_secs(*seconds)),
            ..Quota::default()
        },
        requested,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_and_the_servers_own_count_are_read() {
        let text = "Rate limit reached for gpt-4o-mini in organization org-x on tokens per min (TPM): \
                    Limit 200000, Used 195663, Requested 7592. Please try again in 976ms.";
        let usage = read(text).unwrap();
        assert_eq!(usage.requested, 7_592);
        assert_eq!(usage.quota.dimension, Dimension::Tokens);
        assert_eq!(usage.quota.remaining, Some(4_337));
        assert_eq!(usage.quota.window, Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_text_without_one_of_them_tells_nothing() {
        assert_eq!(read("tokens per min: Limit 30000, Requested 35000"), None);
        assert_eq!(read("Limit 500, Used 500, Requested 1"), None);
    }
}
