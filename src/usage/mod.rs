//! Reads from answers how many tokens they took, and settles the charge.
//!
//! A gate that is told what requests [cost](crate::cost) charges an estimate. What a request took in the end stands in the
//! `usage` of its answer. [`UsageLayer`] reads it, and [settles](crate::cost::Charge::settle) the charge as the provider
//! does:
//!
//! ```
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::Full;
//! use tower::ServiceBuilder;
//! use tower_throttle::cost::Cost;
//! use tower_throttle::usage::{Usage, UsageLayer};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! /// What Anthropic reserves: the prompt, and `max_tokens` for the answer.
//! fn cost(request: &Request<Full<Bytes>>) -> Cost {
//!     let prompt = http_body::Body::size_hint(request.body()).lower() / 4;
//!     Cost::input(prompt).and_output(4_096)
//! }
//!
//! # let http_client = ();
//! let client = ServiceBuilder::new()
//!     .layer(UsageLayer::new(Usage::anthropic())) // anywhere above the gate
//!     .layer(RetryOn429Layer::new())
//!     .layer(AdaptiveConcurrencyLayer::new().cost(cost))
//!     .service(http_client);
//! # let _ = client;
//! ```
//!
//! It is a layer of its own, and not a setting of the gate, because what it wraps is the answer's body: who does not use it
//! has the bodies that there were. It works above a [`KeyedLayer`](crate::KeyedLayer), a
//! [`SpreadLayer`](crate::SpreadLayer) and a [`QueueLayer`](crate::QueueLayer) as well.
//!
//! # What is read
//!
//! JSON and server-sent events, as they pass by: the objects under `usage` or `usageMetadata`, outermost or in `response` or
//! `message`. Of several the last counts. No frame is held back or changed, and no more than 4 KiB are kept, whatever the
//! answer is and however it is cut into frames. An answer that is compressed is not read: put the layer above the one that
//! decompresses. Nor is an answer without a charge, such as a refusal.
//!
//! The charge is settled once, when the body ends or is dropped. If it does not tell what was taken, the charge stands.

mod body;
mod events;
mod layer;
mod provider;
mod reader;
mod scanner;
mod service;

pub use self::body::UsageBody;
pub use self::layer::UsageLayer;
pub use self::provider::Usage;
pub use self::service::{ReadUsage, ResponseFuture};
