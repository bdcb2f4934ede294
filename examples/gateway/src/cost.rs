//! What a request takes of a quota of tokens, as far as its body tells.

use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tower_throttle::cost::Cost;
use tower_throttle::usage::Usage;

/// The answer of a request that does not say how long it may be, in tokens.
const USUAL_ANSWER: u64 = 500;

/// By whose rules the tokens of an upstream's requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[non_exhaustive]
pub enum Provider {
    /// OpenAI's, and Azure's: what a request may take, on arrival
    Openai,
    /// Anthropic's: input and output apart, and output as it was written in the end
    Anthropic,
    /// Gemini's: input alone
    Gemini,
    /// Of a server that speaks OpenAI's API and counts what was taken, such as LiteLLM's proxy
    Compatible,
}

impl Provider {
    pub(crate) fn usage(self) -> Usage {
        match self {
            Self::Openai => Usage::openai(),
            Self::Anthropic => Usage::anthropic(),
            Self::Gemini => Usage::gemini(),
            Self::Compatible => Usage::openai_compatible(),
        }
    }

    /// What a request with this JSON body is expected to take: four bytes are a token, and the answer is as long as it
    /// may be. `None` of a body that is no JSON object, such as none.
    pub(crate) fn cost(self, path: &str, body: &[u8]) -> Option<Cost> {
        let wish: Wish = serde_json::from_slice(body).ok()?;
        let input = Cost::input(body.len() as u64 / 4);
        if self == Self::Gemini || path.ends_with("/embeddings") {
            return Some(input);
        }
        Some(input.and_output(wish.answers()))
    }
}

/// What a request says of its answer's length.
#[derive(Deserialize)]
struct Wish {
    max_tokens: Option<Value>,
    max_completion_tokens: Option<Value>,
    max_output_tokens: Option<Value>,
    n: Option<Value>,
}

impl Wish {
    fn answers(&self) -> u64 {
        let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_u64);
        let each = number(&self.max_completion_tokens)
            .or_else(|| number(&self.max_output_tokens))
            .or_else(|| number(&self.max_tokens));
        let count = number(&self.n).unwrap_or(1);
        each.unwrap_or(USUAL_ANSWER).saturating_mul(count)
    }
}

/// Which upstream counts tokens by whose rules.
#[derive(Clone, Debug)]
pub struct Counted {
    /// All that have no rule of their own, if it names none.
    pub(crate) upstream: Option<Arc<str>>,
    pub(crate) provider: Provider,
}

impl FromStr for Counted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (upstream, provider) = match text.split_once('=') {
            Some((name, provider)) => (Some(name.into()), provider),
            None => (None, text),
        };
        let provider = clap::ValueEnum::from_str(provider, false).map_err(|_| {
            format!("{provider:?} is none of openai, anthropic, gemini and compatible")
        })?;
        Ok(Self { upstream, provider })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = "/v1/chat/completions";

    fn cost(provider: Provider, body: &str) -> Option<Cost> {
        provider.cost(CHAT, body.as_bytes())
    }

    #[test]
    fn the_prompt_and_the_longest_answer_count() {
        for (body, answer) in [
            (r#"{"max_tokens": 7, "x": "12345"}"#, 7),
            (r#"{"max_completion_tokens": 9, "max_tokens": 1}"#, 9),
            (r#"{"max_output_tokens": 9, "n": 3}"#, 27),
            (r#"{"max_tokens": "many", "n": null}"#, USUAL_ANSWER),
            (r#"{"max_tokens": -1, "n": 0.5}"#, USUAL_ANSWER),
            (r#"{"max_tokens": 18446744073709551615, "n": 2}"#, u64::MAX),
            ("{}", USUAL_ANSWER),
        ] {
            let expected = Cost::input(body.len() as u64 / 4).and_output(answer);
            assert_eq!(cost(Provider::Openai, body), Some(expected), "{body}");
            assert_eq!(cost(Provider::Anthropic, body), Some(expected), "{body}");
        }
    }

    #[test]
    fn where_there_is_no_output_to_count_the_prompt_does() {
        let body = r#"{"input": "12345678901", "max_tokens": 7}"#;
        assert_eq!(cost(Provider::Gemini, body), Some(Cost::input(10)));
        let embedding = Provider::Compatible.cost("/v1/embeddings", body.as_bytes());
        assert_eq!(embedding, Some(Cost::input(10)));
    }

    #[test]
    fn what_is_no_object_has_no_cost() {
        for body in ["", "[", "hello", "[]", "7", "\u{0}"] {
            assert_eq!(cost(Provider::Openai, body), None, "{body:?}");
        }
    }

    #[test]
    fn a_rule_may_name_its_upstream() {
        let rule: Counted = "claude=anthropic".parse().unwrap();
        assert_eq!(rule.upstream.as_deref(), Some("claude"));
        assert_eq!(rule.provider, Provider::Anthropic);
        let rule: Counted = "openai".parse().unwrap();
        assert_eq!((rule.upstream, rule.provider), (None, Provider::Openai));
        for text in ["", "claude", "claude=", "=openai=", "openai=claude"] {
            assert!(text.parse::<Counted>().is_err(), "{text}");
        }
    }
}
