//! Tower middleware for HTTP clients of rate-limited APIs.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod concurrency;
mod ext;
pub mod hint;
pub mod integrations;
pub mod message;
pub mod retry;

pub use concurrency::{AdaptiveConcurrency, AdaptiveConcurrencyLayer};
#[cfg(feature = "util")]
pub use ext::ServiceBuilderExt;
pub use ext::ServiceExt;
pub use hint::Hint;
pub use retry::{RetryOn429, RetryOn429Layer};
