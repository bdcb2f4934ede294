//! The APIs that `--as` knows.

use clap::ValueEnum;
use serde_json::{Value, json};

/// What Anthropic's API wants to be told.
const ANTHROPIC_DEFAULT_MAX_TOKENS: u32 = 1024;

/// An API: its address, its key, its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// A message to a chat model (POST /v1/chat/completions)
    OpenaiChat,
    /// An embedding of the text (POST /v1/embeddings)
    OpenaiEmbeddings,
    /// A message to Claude (POST /v1/messages)
    AnthropicMessages,
}

/// Where an API wants its key, and in which environment variable its clients look for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) header: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) variable: &'static str,
}

impl Preset {
    /// The address of the provider itself.
    pub(crate) fn url(self) -> &'static str {
        match self {
            Self::OpenaiChat => "https://api.openai.com/v1/chat/completions",
            Self::OpenaiEmbeddings => "https://api.openai.com/v1/embeddings",
            Self::AnthropicMessages => "https://api.anthropic.com/v1/messages",
        }
    }

    pub(crate) fn key(self) -> Key {
        match self {
            Self::OpenaiChat | Self::OpenaiEmbeddings => Key {
                header: "authorization",
                prefix: "Bearer ",
                variable: "OPENAI_API_KEY",
            },
            Self::AnthropicMessages => Key {
                header: "x-api-key",
                prefix: "",
                variable: "ANTHROPIC_API_KEY",
            },
        }
    }

    /// The headers that each request needs, besides the key.
    pub(crate) fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::AnthropicMessages => &[("anthropic-version", "2023-06-01")],
            Self::OpenaiChat | Self::OpenaiEmbeddings => &[],
        }
    }

    /// The body, as a template.
    pub(crate) fn body(self, model: &str, max_tokens: Option<u32>) -> Value {
        let messages = json!([{ "role": "user", "content": "{{text}}" }]);
        match self {
            Self::OpenaiChat => match max_tokens {
                None => json!({ "model": model, "messages": messages }),
                Some(most) => json!({
                    "model": model, "messages": messages, "max_completion_tokens": most,
                }),
            },
            Self::OpenaiEmbeddings => json!({ "model": model, "input": "{{text}}" }),
            Self::AnthropicMessages => {
                let most = max_tokens.unwrap_or(ANTHROPIC_DEFAULT_MAX_TOKENS);
                json!({ "model": model, "messages": messages, "max_tokens": most })
            }
        }
    }

    /// Whether the API gives back what a request did not take.
    pub(crate) fn settles(self) -> bool {
        self == Self::AnthropicMessages
    }
}
