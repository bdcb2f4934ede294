//! The seams to other HTTP clients, each behind a feature.
//!
//! - `reqwest`: the layers wrap `reqwest::Client`; the answers are `reqwest::Response`s as before,
//!   their URL kept.
//! - `reqwest-middleware`: the same for `ClientWithMiddleware`, and `middleware` puts a layer
//!   inside one.
//!
//! ```
//! # #[cfg(feature = "reqwest")]
//! # fn client() -> tower_throttle::RetryOn429<tower_throttle::AdaptiveConcurrency<reqwest::Client>> {
//! use tower_throttle::ServiceExt as _;
//!
//! let client = reqwest::Client::new().adaptive_concurrency().retry_on_429();
//! # client
//! # }
//! ```

#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "reqwest-middleware")]
mod reqwest_middleware;

#[cfg(feature = "reqwest-middleware")]
pub use self::reqwest_middleware::{NextService, middleware};
