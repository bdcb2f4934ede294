//! Tower layers for clients of rate-limited HTTP APIs.
//!
//! They learn from the API's answers how much it takes, keep the client just below that, and send again what
//! was refused. No limit has to be configured.
//!
//! ```
//! use tower::{ServiceBuilder, ServiceExt as _};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let http_client = tower::service_fn(async |_: http::Request<String>| {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
//! # });
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new()) // outside: the retries of a request
//!     .layer(AdaptiveConcurrencyLayer::new()) // inside: every attempt passes the gate
//!     .service(http_client);
//!
//! let request = http::Request::post("https://api.example.com/v1/posts");
//! let request = request.body(String::from("hello"))?;
//! let response = client.clone().oneshot(request).await?;
//! println!("{}", response.status());
//! # Ok(())
//! # }
//! ```
//!
//! - [`RetryOn429Layer`] sends refused requests again, at the time that the server asks for, or else after a
//!   jittered backoff. Its circuit breaker answers requests at once when the API serves nobody.
//! - [`AdaptiveConcurrencyLayer`] is the *gate*. Each request in flight holds a *permit*, and there are as many
//!   permits as the API was found to take. Other requests wait in line. When one refusal asks for a wait, all
//!   of them pause.
//!
//! - [`QueueLayer`] and [`PriorityLayer`] decide who goes first in that line, and how long a request may wait.
//! - [`cost`] tells the gate what requests take of a quota of tokens, and [`usage`] reads from answers what they took.
//! - [`keyed`] gives each host, account or model a gate of its own, and [`spread`] has a request go to whichever of
//!   several deployments has room.
//!
//! The first two read what the server says of its limits, in many header families and body formats, as a [`Hint`].
//!
//! # Where to begin
//!
//! | what you want to know | page |
//! |---|---|
//! | a first client, with hyper-util or reqwest | [`guide::start`] |
//! | one particular task | [`guide::recipes`] |
//! | thousands of requests, of which nobody waits for one alone | [`guide::batch`] |
//! | what a caller sees when the API refuses, fails or hangs | [`guide::failing`] |
//! | interactive requests before a batch, deadlines | [`guide::priorities`] |
//! | settings worth changing | [`guide::tuning`] |
//! | many hosts or accounts, several deployments | [`guide::keys`] |
//! | to begin where the last run has ended | [`guide::resuming`] |
//! | several processes or machines on one limit | [`guide::fleet`] |
//! | all guides | [`guide`] |
//! | what is retried | [`retry`](retry#what-is-retried-and-what-is-not) |
//! | what the gate does | [`concurrency`] |
//!
//! # Which clients
//!
//! - Any tower service of `http::Request` and `http::Response`, such as hyper-util's legacy client.
//! - `reqwest::Client`, with the feature `reqwest`: the same two layers around it.
//! - reqwest-middleware's client, with the feature `reqwest-middleware`: the same, or
//!   `ThrottleMiddleware` inside it, which is both layers as one of its middlewares. See
//!   [`integrations`].
//! - A client with types of another crate, such as async-openai or reqwest 0.12, or with types of your own: see
//!   [`guide::extending`].
//!
//! # What a response carries
//!
//! A refusal that cannot be retried is returned as a response, never as an error. Errors are the client's own, but for
//! [`QueueError`], with which a [`QueueLayer`] says why it did not send.
//! The response's extensions tell why:
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
//! refusals would look like one slow success, and would hold a permit meanwhile. [`guide::order`] says where
//! other layers go: tower's, tower-http's, a cache.
//!
//! # How long a request takes
//!
//! By default nothing bounds an attempt, and a refused request may wait long.
//! [`max_time`](RetryOn429Layer::max_time) bounds the waits, and a `tokio::time::timeout` around the call and
//! the reading of the body bounds everything. See [`guide::failing`](guide::failing#how-to-bound-a-request).
//!
//! # State
//!
//! State belongs to a layer, and is shared by its clones and by all services that they wrap. Use one
//! [`AdaptiveConcurrencyLayer`] for each quota, and one [`RetryOn429Layer`] for each API key, or one above
//! [`keyed`] gates. Both have a
//! handle, which shows their state and closes them. Set up a layer first, and take its handle last.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `json` | yes | reads the JSON bodies of refusals; [`keyed::Model`]; [`usage`] |
//! | `serde` | | [`Learnt`](concurrency::Learnt) can be written and read: what was learned, for the next run |
//! | `batch` | | `Batch`: a stream of requests in, a stream of answers out |
//! | `journal` | | a batch's journal as a file of JSON lines, and `batch` |
//! | `util` | | `ThrottleBuilderExt`: the layers as methods of `tower::ServiceBuilder`; a gate's `Load` for `tower::balance` |
//! | `hyper-util` | | lets [`Preset`](retry::Preset) tell hyper's errors apart, and those of hyper-util's client. The layers wrap that client without it |
//! | `http2` | | the same for the errors of HTTP/2 (`h2`) |
//! | `tracing` | | `observe::Tracing`: what the layers do, as events |
//! | `metrics` | | `observe::Metrics`: the same as metrics of the `metrics` facade |
//! | `reqwest` | | the layers around `reqwest::Client`, and `hyper-util`; see [`integrations`] |
//! | `redis` | | [`fleet::redis`](fleet): a limit that several processes share; needs Rust 1.88 |
//! | `reqwest-middleware` | | the layers around `reqwest_middleware::ClientWithMiddleware`, and `ThrottleMiddleware` inside it |
//!
//! # Runtime
//!
//! Waits are `tokio::time`'s, so they need a tokio runtime with time enabled, and tests can run
//! them on a [paused clock](guide::testing). A call that need not wait needs no runtime. Nothing is spawned.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod ask;
#[cfg(feature = "batch")]
pub mod batch;
pub mod concurrency;
pub mod cost;
mod ext;
pub mod fleet;
pub mod guide;
pub mod hint;
pub mod integrations;
pub mod keyed;
pub mod message;
pub mod observe;
mod priority;
pub mod queue;
mod random;
pub mod retry;
pub mod spread;
#[cfg(feature = "json")]
pub mod usage;

#[cfg(feature = "batch")]
pub use batch::Batch;
pub use concurrency::{AdaptiveConcurrency, AdaptiveConcurrencyLayer};
#[cfg(feature = "util")]
pub use ext::ThrottleBuilderExt;
pub use ext::ThrottleExt;
pub use hint::Hint;
#[cfg(feature = "reqwest-middleware")]
pub use integrations::ThrottleMiddleware;
pub use keyed::{Keyed, KeyedLayer};
pub use queue::{Priority, PriorityLayer, QueueError, QueueLayer};
pub use retry::{RetryOn429, RetryOn429Layer};
pub use spread::{Spread, SpreadLayer};
