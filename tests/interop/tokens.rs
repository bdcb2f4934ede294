//! Requests that cost tokens.

use bytes::Bytes;
use http_body_util::Full;
use tower_throttle::cost::{Cost, CostOf};

/// What is sent, and what is told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) path: &'static str,
    pub(crate) body: &'static str,
    /// What a request costs, if the gate is told.
    pub(crate) cost: Option<Cost>,
}

/// A request without a cost.
pub(crate) const POST: Job = Job {
    path: "/v1/posts",
    body: "{}",
    cost: None,
};

/// What [`CHAT`] is estimated to take: four characters are a token, and the answer is as long as it may be.
pub(crate) const RESERVED: u64 = 5 + 40;

/// What it takes in the end, as LiteLLM's played model tells.
pub(crate) const TAKEN: u64 = 30;

/// A chat completion.
pub(crate) const CHAT: Job = Job {
    path: "/v1/chat/completions",
    body: r#"{"model":"played","max_tokens":40,"messages":[{"role":"user","content":"hello hello hello hello"}]}"#,
    cost: Some(Cost::tokens(RESERVED)),
};

impl CostOf<http::Request<Full<Bytes>>> for Job {
    fn cost(&self, _: &http::Request<Full<Bytes>>) -> Option<Cost> {
        self.cost
    }
}
