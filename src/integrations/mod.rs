//! The seams to other HTTP clients, each behind a feature.
//!
//! - `reqwest`: the layers wrap `reqwest::Client`; the answers are `reqwest::Response`s as before,
//!   their URL kept.
//! - `reqwest-middleware`: the same for `ClientWithMiddleware`, and `ThrottleMiddleware` puts the
//!   layers inside one.
//!
//! Around `reqwest::Client`:
//!
//! ```
//! # #[cfg(feature = "reqwest")]
//! # fn client() -> tower_throttle::RetryOn429<tower_throttle::AdaptiveConcurrency<reqwest::Client>> {
//! use tower_throttle::ThrottleExt;
//!
//! let client = reqwest::Client::new().adaptive_concurrency().retry_on_429();
//! # client
//! # }
//! ```
//!
//! Inside a client of reqwest-middleware, with settings of one's own:
//!
//! ```
//! # #[cfg(feature = "reqwest-middleware")]
//! # fn client() -> reqwest_middleware::ClientWithMiddleware {
//! use reqwest_middleware::ClientBuilder;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer, ThrottleMiddleware};
//!
//! let throttle = ThrottleMiddleware::from_layers(
//!     RetryOn429Layer::new().max_attempts(8),
//!     AdaptiveConcurrencyLayer::new().max_limit(50),
//! );
//! let client = ClientBuilder::new(reqwest::Client::new()).with(throttle).build();
//! # client
//! # }
//! ```
//!
//! # What reqwest does on its own
//!
//! - A timeout of the request or of the client begins with each attempt, after the gate, and lasts
//!   until the end of the body. Its error ends the request, unless
//!   [`retry_errors`](crate::retry::retry_errors) says otherwise, and the permit is returned. To bound
//!   a request with its waits and retries, put a timeout around all.
//! - Redirects and decompression happen below the layers: all hops of a redirect are one attempt
//!   under one permit, and the body of a refusal can be read.
//! - It copies a request only if its body is one piece. The layers also copy one whose body gives all its
//!   frames at once, such as a multipart form in memory, and with
//!   [`buffer_bodies`](crate::RetryOn429Layer::buffer_bodies) a stream.
//! - reqwest sends some requests again on its own, where HTTP/2 says that they were not processed.
//!   These are part of one attempt.
//! - `ClientWithMiddleware`, called as a service, begins each attempt with empty extensions.

#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "reqwest-middleware")]
mod reqwest_middleware;

#[cfg(feature = "reqwest-middleware")]
pub use self::reqwest_middleware::{NextService, ThrottleMiddleware};
