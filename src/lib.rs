//! Tower middleware that finds an HTTP API's rate limit and runs right under it.
//!
//! Two layers wrap a client of an API that refuses work above limits it does not fully tell:
//!
//! - [`RetryOn429Layer`] sends again what was refused, when the server asks for it or by a jittered
//!   backoff. See [`retry`].
//! - [`AdaptiveConcurrencyLayer`] lets no more requests through than the server was found to take, in
//!   order, and pauses all of them when one refusal asks for it. See [`concurrency`].
//!
//! Both read what the server says of its limits, in every dialect, as a [`Hint`]. See [`hint`].
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
//! `client` may be any tower service of [`http::Request`] and [`http::Response`], such as
//! hyper-util's legacy client. Others:
//!
//! - `reqwest::Client`, with the feature `reqwest`: the same two layers around it.
//! - reqwest-middleware's client, with the feature `reqwest-middleware`: the same, or
//!   `ThrottleMiddleware` inside it, which is both layers as one of its middlewares. See
//!   [`integrations`].
//! - A request type of another crate, such as async-openai's: give
//!   [`clone_request`](RetryOn429Layer::clone_request) a closure that copies it.
//! - Types of your own: implement the seams in [`message`].
//!
//! What is retried, and what can be switched on to be, stands in [`retry`]; a hook that can await, such
//! as for a new token after a 401, is [`on_refusal`](RetryOn429Layer::on_refusal).
//!
//! # The order of the layers
//!
//! The retries stand outside, the gate inside. So every attempt waits for its turn and is a sample
//! of what the server takes, and no permit is held while a retry waits. The other way round, a series
//! of refusals would look like one slow success, and would keep a place occupied.
//!
//! What queues or sheds requests stands outside both: tower's `LoadShed`, `Buffer`. A request as a whole is
//! bounded by [`max_time`](RetryOn429Layer::max_time), as tower's `Timeout` begins after the first wait in
//! line. The
//! [guide](guide::order) says where tower's other layers go, tower-http's and a cache, and why.
//!
//! # State
//!
//! State belongs to a layer, and is shared by its clones and by all services that they wrap. Use one
//! [`AdaptiveConcurrencyLayer`] for each quota.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `json` | yes | reads the JSON bodies of refusals |
//! | `util` | | `ServiceBuilderExt`: the layers as methods of `tower::ServiceBuilder` |
//! | `hyper-util` | | what [`Preset`](retry::Preset) knows of hyper's errors, and of those of hyper-util's client |
//! | `http2` | | ... and of those of HTTP/2 (`h2`) |
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
pub use ext::ServiceBuilderExt;
pub use ext::ServiceExt;
pub use hint::Hint;
#[cfg(feature = "reqwest-middleware")]
pub use integrations::ThrottleMiddleware;
pub use retry::{RetryOn429, RetryOn429Layer};

/// The README's example, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
