//! Tower middleware that finds an HTTP API's rate limit and keeps just below it.
//!
//! Two layers wrap a client of an API that refuses work above limits which it does not fully document:
//!
//! - [`RetryOn429Layer`] sends refused requests again, at the time that the server asks for, or else after a
//!   jittered backoff. Its circuit breaker answers requests at once when the API serves nobody. See [`retry`].
//! - [`AdaptiveConcurrencyLayer`] is the *gate*. Each request in flight holds a permit; there are as many
//!   permits as the server was found to take. Other requests wait in line, and all of them pause when one
//!   refusal asks for it. See [`concurrency`].
//!
//! Both read what the server says of its limits, in many header families and body formats, as a
//! [`Hint`]. See [`hint`].
//!
//! ```
//! use tower::ServiceBuilder;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # let client = tower::service_fn(async |_: http::Request<String>| {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
//! # });
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(client);
//! # fn is_client<S: tower::Service<http::Request<String>>>(_: &S) {}
//! # is_client(&client);
//! ```
//!
//! A request is sent by `client.clone().oneshot(request).await`, with `tower::ServiceExt` (tower's feature
//! `util`).
//!
//! `client` may be any tower service of [`http::Request`] and [`http::Response`], such as
//! hyper-util's legacy client. Others:
//!
//! - `reqwest::Client`, with the feature `reqwest`: the same two layers around it.
//! - reqwest-middleware's client, with the feature `reqwest-middleware`: the same, or
//!   `ThrottleMiddleware` inside it, which is both layers as one of its middlewares. See
//!   [`integrations`].
//! - A request type of another crate, such as async-openai's: give
//!   [`clone_request`](RetryOn429Layer::clone_request) a closure that copies it.
//! - Types of your own: implement the traits in [`message`].
//!
//! [`retry`] says what is retried, and what else can be. A hook that can await, such as for a new token
//! after a 401, is [`on_refusal`](RetryOn429Layer::on_refusal).
//!
//! # What a response carries
//!
//! A refusal that cannot be retried is returned as a response, never as an error. Its extensions tell why:
//!
//! | read by | what it says |
//! |---|---|
//! | [`Hint::of`] | what the server said of its limits; on refusals, and on answers that tell of quotas |
//! | [`Attempts::of`](retry::Attempts::of) | how often the request was sent; 0 if never |
//! | [`Unsent::of`](message::Unsent::of) | the response is a layer's, not the server's, and why |
//! | [`NotSentAgain::of`](retry::NotSentAgain::of) | it would have been retried, but the request could not be copied |
//!
//! # The order of the layers
//!
//! The retries go outside, the gate inside. So every attempt waits for its own permit and is a sample of
//! what the server takes, and no permit is held while a retry waits. The other way round, a series of
//! refusals would look like one slow success, and would hold a permit meanwhile.
//!
//! Layers that queue or shed requests go outside both: tower's `LoadShed`, `Buffer`.
//! [`max_time`](RetryOn429Layer::max_time) bounds how long a request waits, from the first wait in line on.
//! It does not cut an attempt short; a `Timeout` below both layers does. The [guide](guide::order) says where
//! tower's other layers go, tower-http's and a cache, and why.
//!
//! # State
//!
//! State belongs to a layer, and is shared by its clones and by all services that they wrap. Use one
//! [`AdaptiveConcurrencyLayer`] for each quota, and one [`RetryOn429Layer`] for each API key.
//!
//! Both have a handle, which shows their state and closes them. Set up a layer first, and take its handle
//! last.
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_throttle::retry::Preset;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # async fn run() {
//! let retries = RetryOn429Layer::new()
//!     .max_time(Duration::from_secs(600))
//!     .classify(Preset::idempotent_failures());
//! let gate = AdaptiveConcurrencyLayer::new().max_limit(50);
//! let (retry_handle, gate_handle) = (retries.handle(), gate.handle());
//! // ... wrap the client, and spawn the requests. At the end:
//! retry_handle.close(); // requests that wait are answered, and nothing is sent any more
//! retry_handle.drained().await; // what was in flight is answered
//! gate_handle.drained().await; // the line is empty, and no body holds a permit
//! # }
//! # drop(run());
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `json` | yes | reads the JSON bodies of refusals |
//! | `util` | | `ThrottleBuilderExt`: the layers as methods of `tower::ServiceBuilder` |
//! | `hyper-util` | | lets [`Preset`](retry::Preset) tell hyper's errors apart, and those of hyper-util's client. The layers wrap that client without it |
//! | `http2` | | the same for the errors of HTTP/2 (`h2`) |
//! | `reqwest` | | the layers around `reqwest::Client`, and `hyper-util`; see [`integrations`] |
//! | `reqwest-middleware` | | the layers around `reqwest_middleware::ClientWithMiddleware`, and `ThrottleMiddleware` inside it |
//!
//! # Runtime
//!
//! Waits are [`tokio::time`]'s, so they need a tokio runtime with time enabled, and tests can run
//! them on a paused clock. A call that need not wait needs no runtime. Nothing is spawned.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod ask;
pub mod concurrency;
mod ext;
pub mod guide;
pub mod hint;
pub mod integrations;
pub mod message;
mod random;
pub mod retry;

pub use concurrency::{AdaptiveConcurrency, AdaptiveConcurrencyLayer};
#[cfg(feature = "util")]
pub use ext::ThrottleBuilderExt;
pub use ext::ThrottleExt;
pub use hint::Hint;
#[cfg(feature = "reqwest-middleware")]
pub use integrations::ThrottleMiddleware;
pub use retry::{RetryOn429, RetryOn429Layer};

/// The README's example, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
