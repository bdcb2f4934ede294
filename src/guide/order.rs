//! Which layer goes where, beside tower's, tower-http's and a cache, and why.
//!
//! In short: retries outside, the gate inside; what concerns a request as a whole goes above both, and what
//! concerns each attempt goes below. What is added to a `ServiceBuilder` first is outermost: it sees a request
//! first and its response last. This crate's two layers divide a stack into three parts:
//!
//! ```text
//!   a request as a whole       timeout, bounded queue, cache, redirects, its trace
//!   ── RetryOn429 ──           makes attempts of it
//!   an attempt that waits      (usually nothing)
//!   ── AdaptiveConcurrency ──  lets them through
//!   an attempt on its way      signature, its trace, decompression, its timeout
//!   the client
//! ```
//!
//! A [`KeyedLayer`](crate::KeyedLayer) or a [`SpreadLayer`](crate::SpreadLayer) stands where the gate does.
//!
//! With no other layers:
//!
//! ```
//! # use std::convert::Infallible;
//! # let http_client = tower::service_fn(async |_: http::Request<String>| {
//! #     Ok::<_, Infallible>(http::Response::new(String::new()))
//! # });
//! use tower::ServiceBuilder;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(http_client);
//! # fn is_client<S: tower::Service<http::Request<String>>>(_: &S) {}
//! # is_client(&client);
//! ```
//!
//! With a timeout for a request as a whole, its wait for a permit included, a bounded queue that turns
//! requests away when it is full, and a timeout for each attempt:
//!
//! ```
//! # use std::convert::Infallible;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let http_client = tower::service_fn(async |_: http::Request<String>| {
//! #     Ok::<_, Infallible>(http::Response::new(String::new()))
//! # });
//! use std::time::Duration;
//!
//! use tower::timeout::error::Elapsed;
//! use tower::{BoxError, ServiceBuilder};
//! use tower_throttle::retry::retry_errors;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! let timed_out = retry_errors(|error: &BoxError| error.is::<Elapsed>());
//! let client = ServiceBuilder::new()
//!     .timeout(Duration::from_secs(300))
//!     .load_shed()
//!     .buffer(1000)
//!     .layer(RetryOn429Layer::new().classify(timed_out))
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .timeout(Duration::from_secs(60))
//!     .service(http_client);
//! # fn is_client<S: tower::Service<http::Request<String>>>(_: &S) {}
//! # is_client(&client);
//! # }
//! ```
//!
//! # This crate's own two
//!
//! Retries outside, the gate inside. Every attempt then waits for its own permit and is a sample of what
//! the server takes, and no permit is held while a retry waits. The other way round, a series of
//! refusals looks like one slow success, so the limit grows, and a request that only waits holds a
//! permit.
//!
//! [`PriorityLayer`](crate::PriorityLayer) and [`QueueLayer`](crate::QueueLayer) go outside of both, and no `Buffer`
//! below them: see [`queue`](crate::queue#how-it-reaches-the-gate).
//!
//! # tower
//!
//! | layer | outside both | below the gate | choose |
//! |---|---|---|---|
//! | `Timeout` | bounds all attempts and the waits between them, from the first permit on | bounds each attempt, up to the answer's head | either, or both; see below |
//! | `LoadShed` | turns a request away when no permit is free at once, and in a pause | sheds only if the client is not ready, and those of hyper-util and reqwest always are | outside, over a `Buffer` |
//! | `Buffer` | a queue of a set length, whose places are taken in `poll_ready` | changes nothing if it is as long as the limit | outside |
//! | `ConcurrencyLimit` | bounds requests, those included whose retry waits | bounds attempts, up to the answer's head, beside the gate's limit | outside, to bound memory. To bound attempts, [`max_limit`] |
//! | `CallAll` | drives a batch | | `unordered`; see below |
//! | `Steer`, `Balance` | hold a permit of each service that is ready; see below | | a gate for each service |
//!
//! [`max_limit`]: crate::AdaptiveConcurrencyLayer::max_limit
//!
//! ## Timeouts
//!
//! tower's `Timeout` begins with `call`. The wait for the first permit is in `poll_ready`, before the call,
//! so a `Timeout` right around both layers does not bound it. There are four ways to bound it:
//!
//! - a [`QueueLayer`](crate::QueueLayer) between the `Timeout` and the two layers: it waits in the call. It also has
//!   bounds of its own;
//! - a `Buffer` between the `Timeout` and the two layers: it is ready at once, and the wait in it is part
//!   of the call;
//! - `tokio::time::timeout` around `ready` and `call`, or around `oneshot`;
//! - [`max_time`](crate::RetryOn429Layer::max_time), which answers with the API's last refusal instead of
//!   an error. It bounds waits only: not an attempt in flight, nor the line while nothing was refused yet.
//!   Add a `Timeout` below the gate for these.
//!
//! None of them bounds the body, which is read after the call is done; reqwest's own timeout does.
//!
//! A `Timeout` below the gate ends an attempt with an error, which is returned as it is. To retry it
//! instead, classify it ([`retry_errors`](crate::retry::retry_errors)), as in the example above. Only
//! requests that may be repeated are retried then.
//!
//! An attempt that is cut short does not count as a refusal, and its permit is returned.
//!
//! ## Readiness that is passed through
//!
//! A permit is acquired in `poll_ready`. A layer that passes readiness through and then calls a
//! *clone* of its inner service (a mistake, yet a common one) holds one permit and waits for another.
//! With a limit of one this waits for ever, as long as the service that was ready is kept. To avoid it, put a
//! service in between that is always ready, and waits in the call:
//!
//! ```
//! # use std::convert::Infallible;
//! # let stack = tower::service_fn(async |_: http::Request<String>| {
//! #     Ok::<_, Infallible>(http::Response::new(String::new()))
//! # });
//! use tower::{ServiceExt, service_fn};
//!
//! let always_ready = service_fn(move |request| stack.clone().oneshot(request));
//! # fn is_client<S: tower::Service<http::Request<String>>>(_: &S) {}
//! # is_client(&always_ready);
//! ```
//!
//! A `Buffer` does the same, and so does a [`QueueLayer`](crate::QueueLayer).
//!
//! ## Several services of one gate
//!
//! `Steer` is ready when all its services are, so it holds a permit of each. Over more services of one
//! gate than its limit, it is never ready; at the default limit these are more than four until the limit
//! has grown. `Balance` keeps those services ready that it does not choose, and their permits with them.
//! Give each service a gate of its own, or put the always-ready service from above around each.
//!
//! ## A batch by `CallAll`
//!
//! `call_all(...).unordered()` takes the next request when the one before was let through, and gives
//! each answer as it comes.
//!
//! `call_all` without `unordered` keeps answers back, with their bodies unread, until all answers before
//! them are there. An answer that says that it is short, with up to 64 KiB, holds no permit by then. Each of
//! the others holds its permit until it was not read for
//! [`body_idle`](crate::AdaptiveConcurrencyLayer::body_idle), 1 s by default. So the batch goes on, but
//! slowly. `unordered`, [`ReleaseAt::Headers`](crate::concurrency::ReleaseAt::Headers), or reading the
//! bodies below `call_all` makes it fast.
//!
//! # tower-http
//!
//! | layer | outside both | below the gate | choose |
//! |---|---|---|---|
//! | `TraceLayer` | one span for a request; its latency includes retries, but not the wait for the first permit (as with `Timeout`); refusals that were retried are not seen | one span for each attempt, with its 429 and the server's own latency | both: they answer different questions |
//! | `SetSensitiveHeaders` | marked in every attempt, and for all layers | marked on the wire only: layers above may log the value | outside, as the outermost |
//! | `AddAuthorization` | the same value in every attempt | the same; what makes a *new* value, such as a signature with a date, must be here | below |
//! | `Decompression` | the retry layer sees a refusal's body compressed: it cannot read that a quota is used up for good, and retries in vain | the retry layer reads the body decompressed | below |
//! | `FollowRedirect` | each hop has its own permit and its own retries, and counts as a request | all hops are one attempt under one permit; a refused hop begins again at the first address | outside, if the hops cost quota. Below, if they lead to another host, such as file storage |
//!
//! In a stack, from the outside in: `SetSensitiveRequestHeaders`, `Trace`, `FollowRedirect`,
//! `RetryOn429`, `AdaptiveConcurrency`, `Trace`, `AddAuthorization`, `Decompression`, the client.
//!
//! # A cache
//!
//! Outside both: a cached answer needs no permit, and comes even while the gate is paused.
//! `http-cache-tower` passes readiness through and calls a clone, so put the always-ready service from above
//! between. Without it, a cached answer waits for a permit that it does not use. `cargo run -p
//! http_cache` in this crate's repository shows it.
//!
//! Below the gate, a cached answer costs a permit, and is a sample that says nothing of the server.
//!
//! # reqwest-middleware
//!
//! [`ThrottleMiddleware`] has its place among other middleware by the same rules: after a cache and
//! after what traces requests, before what signs attempts or traces the wire. `ClientBuilder::with`
//! adds from the outside in. Do not add `reqwest-retry` as well: outside, it multiplies the attempts;
//! inside, its waits hold a permit.
//!
#![cfg_attr(
    feature = "reqwest-middleware",
    doc = "[`ThrottleMiddleware`]: crate::ThrottleMiddleware"
)]
#![cfg_attr(
    not(feature = "reqwest-middleware"),
    doc = "[`ThrottleMiddleware`]: crate::integrations"
)]
//!
//! # Tests
//!
//! Each row of the tables has a test in the repository: `tests/compose/tower.rs` (`cargo test --test compose tower`),
//! `tests/clients/tests/compose_tower_http.rs` (`cargo test -p clients`) and
//! `examples/http_cache/src/tests.rs` (`cargo test -p http_cache`).
