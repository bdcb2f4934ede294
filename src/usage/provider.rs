//! What each provider counts.

use serde_json::Value;

use crate::cost::Cost;

/// Whose answers are read, and what of them that provider counts in the end.
///
/// ```
/// use tower_throttle::usage::{Usage, UsageLayer};
///
/// let layer = UsageLayer::new(Usage::gemini());
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage(Provider);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    OpenAi,
    OpenAiCompatible,
    Anthropic,
    Gemini,
}

impl Usage {
    /// OpenAI's, and Azure's: chat completions, embeddings and responses. They count on arrival what a request may take,
    /// and give nothing back, so a charge is never lowered. One that did not cover what was taken is raised to it.
    ///
    /// A streamed chat completion tells its usage only if the request has `"stream_options": {"include_usage": true}`.
    #[must_use]
    pub const fn openai() -> Self {
        Self(Provider::OpenAi)
    }

    /// Those of a server that speaks OpenAI's API and counts what requests took in the end, such as LiteLLM's proxy. Input
    /// and output are charged as they are told.
    #[must_use]
    pub const fn openai_compatible() -> Self {
        Self(Provider::OpenAiCompatible)
    }

    /// Anthropic's messages. Output is corrected to what was written. Of input, what is written to the cache counts, and
    /// what is read from it does not.
    #[must_use]
    pub const fn anthropic() -> Self {
        Self(Provider::Anthropic)
    }

    /// Gemini's. It has a quota of input tokens only, and counts those from its cache as well: the charge becomes the
    /// prompt's own tokens.
    #[must_use]
    pub const fn gemini() -> Self {
        Self(Provider::Gemini)
    }

    /// Takes in an object that was found in an answer. Counts that it does not have stay as they were told before.
    pub(super) fn read(self, object: &[u8], is_nested: bool, taken: &mut Taken) {
        let Ok(object) = serde_json::from_slice::<Value>(object) else {
            return;
        };
        let count = |key: &str| object.get(key).and_then(count);
        match self.0 {
            Provider::OpenAi | Provider::OpenAiCompatible => {
                taken.input = count("prompt_tokens")
                    .or_else(|| count("input_tokens"))
                    .or(taken.input);
                taken.output = count("completion_tokens")
                    .or_else(|| count("output_tokens"))
                    .or(taken.output);
                taken.total = count("total_tokens").or(taken.total);
            }
            Provider::Anthropic => {
                taken.input = count("input_tokens").or(taken.input);
                taken.cached = count("cache_creation_input_tokens").or(taken.cached);
                // The first event of a stream tells of the first token only.
                taken.output = count("output_tokens")
                    .filter(|_| !is_nested)
                    .or(taken.output);
            }
            Provider::Gemini => {
                taken.input = count("promptTokenCount").or(taken.input);
                taken.cached = count("toolUsePromptTokenCount").or(taken.cached);
            }
        }
    }

    /// What a request is to be charged that was `charged` before. `None` if that stands.
    pub(super) fn settled(self, charged: Cost, taken: &Taken) -> Option<Cost> {
        let more = taken.cached.unwrap_or_default();
        match self.0 {
            Provider::OpenAi => taken.sum().filter(|sum| sum.total() > charged.total()),
            Provider::OpenAiCompatible => taken.sum(),
            Provider::Anthropic => {
                let (input, output) = (taken.input?, taken.output?);
                Some(Cost::input(input.saturating_add(more)).and_output(output))
            }
            Provider::Gemini => Some(Cost::input(taken.input?.saturating_add(more))),
        }
    }
}

/// What an answer told so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    input: Option<u64>,
    /// Of input, what is told apart and counts as well.
    cached: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
}

impl Taken {
    /// Input and output, or what is told of both together.
    fn sum(&self) -> Option<Cost> {
        match (self.input, self.output) {
            (Some(input), Some(output)) => Some(Cost::input(input).and_output(output)),
            (Some(input), None) if self.total.is_none_or(|total| total == input) => {
                Some(Cost::input(input))
            }
            _ => self.total.map(Cost::tokens),
        }
    }
}

/// A number of tokens. Some servers write `12.0`.
fn count(value: &Value) -> Option<u64> {
    let whole = || {
        let number = value.as_f64().filter(|number| *number >= 0.0);
        number.map(|number| number as u64)
    };
    value.as_u64().or_else(whole)
}
