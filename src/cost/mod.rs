//! What a request takes of a quota that counts something other than requests: tokens of a language model.
//!
//! APIs of language models limit requests per minute and tokens per minute. The gate cannot know what a request
//! will take, so it is told:
//!
//! ```
//! # use bytes::Bytes;
//! # use http_body_util::Full;
//! use tower_throttle::AdaptiveConcurrencyLayer;
//! use tower_throttle::cost::Cost;
//!
//! // Four bytes are a token, more or less, and the answer may take 400.
//! let layer = AdaptiveConcurrencyLayer::new().cost(|request: &http::Request<Full<Bytes>>| {
//!     let bytes = http_body::Body::size_hint(request.body()).lower();
//!     Cost::tokens(bytes / 4 + 400)
//! });
//! # let _ = layer;
//! ```
//!
//! # What counts
//!
//! A [`Cost`] is in the unit of the provider's quota, which is not always the number of tokens. OpenAI counts
//! what a request may take at most, when it arrives. Anthropic has a quota for input and one for output
//! ([`Cost::input`] and [`Cost::and_output`]). A cost of nothing counts as one.
//!
//! # When it counts
//!
//! The cost is charged when the request is sent, and returned if the request is refused. The server may count
//! less in the end: see [`Charge`], and [`usage`](crate::usage), which reads it from the answers.
//!
//! # Before the request is known
//!
//! A gate decides in `poll_ready`, and gets the request after that. Until then it reserves what the dearest of
//! the latest requests took. What has the request before can tell its cost, and the gate waits for exactly that: a
//! [`QueueLayer`](crate::QueueLayer::cost), a [`KeyedLayer`](crate::KeyedLayer::gates) whose gates are told a cost,
//! reqwest-middleware's `ThrottleMiddleware`, or your own layer by [`announce`]. A
//! [`RetryOn429`](crate::RetryOn429) does so for each attempt after the first. An announced cost is charged, so the gate
//! need not be told it again.

mod amount;
mod announce;
mod charge;
mod of;

pub use self::amount::Cost;
pub use self::announce::announce;
pub use self::charge::Charge;
pub(crate) use self::charge::Settle;
pub use self::of::{CostOf, FromExtensions, NoCost};
