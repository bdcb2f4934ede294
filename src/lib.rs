//! Tower middleware for HTTP clients of rate-limited APIs.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod concurrency;
pub mod hint;
pub mod message;
pub mod retry;

pub use concurrency::{AdaptiveConcurrency, AdaptiveConcurrencyLayer};
pub use hint::Hint;
pub use retry::{RetryOn429, RetryOn429Layer};
