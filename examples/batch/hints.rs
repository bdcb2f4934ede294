//! What the embedded API says about its limits, as `--hints` names it.

use clap::ValueEnum;
use sim::hints::Style;

/// How the API speaks of its limits.
///
/// A limit on concurrency is never spoken of: nobody knows when a place falls free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Hints {
    /// A bare 429
    None,
    /// Retry-After in whole seconds, rounded up, on a 429
    RetryAfter,
    /// x-ratelimit-* on every answer, retry-after-ms and a wait in the text of a 429
    Openai,
    /// anthropic-ratelimit-* on every answer, retry-after on a 429
    Anthropic,
    /// The IETF's RateLimit and RateLimit-Policy on every answer, Retry-After on a 429
    Ietf,
}

impl Hints {
    /// The name on the command line and in the summary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::RetryAfter => "retry-after",
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Ietf => "ietf",
        }
    }

    /// The same as the simulated API has it.
    pub(crate) fn style(self) -> Style {
        match self {
            Self::None => Style::None,
            Self::RetryAfter => Style::RetryAfter,
            Self::Openai => Style::OpenAi,
            Self::Anthropic => Style::Anthropic,
            Self::Ietf => Style::Ietf,
        }
    }
}
