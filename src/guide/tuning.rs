//! Which setting is worth changing, and when.
//!
//! Most programs need none. The gate learns the API's limits from its answers. The retries last until the
//! request is served, was sent 32 times, or the API has served nobody for five minutes. Change something only
//! for a reason in this table:
//!
//! | you want | set |
//! |---|---|
//! | an answer within some time, served or not | [`max_time`], and a timeout for each attempt: see [`failing`](super::failing#how-to-bound-a-request) |
//! | failures such as a 502 or a broken connection retried as well | [`classify`] with [`Preset`](crate::retry::Preset) |
//! | a request with a streamed body sent again | [`ReplayBody`](crate::retry::ReplayBody), or [`buffer_bodies`] for reqwest |
//! | an API that asks for longer waits than two minutes, and callers that can wait | [`max_server_wait`] and [`max_pause`], both the same |
//! | to hear of an outage sooner or later than after five minutes | [`max_outage`]; for later, [`max_attempts`] too |
//! | less load on an API that struggles | [`budget`] |
//! | a ceiling, whatever the API takes: memory, sockets, fairness to others | [`max_limit`] |
//! | a limit that you know exactly, and that never moves | [`Fixed`] |
//! | many streamed answers, of which the API counts only the start | [`release_at`] |
//! | an API that means something else by its statuses and codes | [`dialect`], on both layers |
//!
//! [`max_attempts`]: crate::RetryOn429Layer::max_attempts
//! [`max_time`]: crate::RetryOn429Layer::max_time
//! [`classify`]: crate::RetryOn429Layer::classify
//! [`buffer_bodies`]: crate::RetryOn429Layer::buffer_bodies
//! [`max_server_wait`]: crate::RetryOn429Layer::max_server_wait
//! [`max_pause`]: crate::AdaptiveConcurrencyLayer::max_pause
//! [`max_outage`]: crate::RetryOn429Layer::max_outage
//! [`budget`]: crate::RetryOn429Layer::budget
//! [`max_limit`]: crate::AdaptiveConcurrencyLayer::max_limit
//! [`Fixed`]: crate::concurrency::limit::Fixed
//! [`release_at`]: crate::AdaptiveConcurrencyLayer::release_at
//! [`dialect`]: crate::RetryOn429Layer::dialect
//!
//! # Examples
//!
//! A web server's client, which gives a refused request up after ten seconds, and repeats failed GETs:
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_throttle::retry::Preset;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! let retries = RetryOn429Layer::new()
//!     .max_time(Duration::from_secs(10))
//!     .classify(Preset::idempotent_failures());
//! let gate = AdaptiveConcurrencyLayer::new().max_limit(50);
//! # drop((retries, gate));
//! ```
//!
//! A batch that runs overnight, and would rather wait for hours than lose a job:
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! const HOUR: Duration = Duration::from_secs(3600);
//!
//! # fn layers() -> (RetryOn429Layer, AdaptiveConcurrencyLayer) {
//! let retries = RetryOn429Layer::new()
//!     .max_attempts(u32::MAX)
//!     .max_server_wait(HOUR)
//!     .max_outage(3 * HOUR);
//! let gate = AdaptiveConcurrencyLayer::new().max_pause(HOUR);
//! # (retries, gate)
//! # }
//! # use tower::ServiceExt as _;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! #     for wait in [None, Some(1800)] {
//! #         let start = tokio::time::Instant::now();
//! #         let api = tower::service_fn(move |_: http::Request<()>| {
//! #             let closed = start.elapsed() < 2 * HOUR;
//! #             let mut head = http::Response::builder().status(if closed { 429 } else { 200 });
//! #             if let (true, Some(wait)) = (closed, wait) { head = head.header("retry-after", wait); }
//! #             std::future::ready(Ok::<_, std::convert::Infallible>(head.body(String::new()).unwrap()))
//! #         });
//! #         let (retries, gate) = layers();
//! #         let client = tower::ServiceBuilder::new().layer(retries).layer(gate).service(api);
//! #         assert_eq!(client.oneshot(http::Request::new(())).await.unwrap().status(), 200);
//! #         assert!(start.elapsed() < 3 * HOUR);
//! #     }
//! # }
//! ```
//!
//! # Which limit
//!
//! | limit | choose it when |
//! |---|---|
//! | [`Learned`](crate::concurrency::limit::Learned), the default | you do not know the API's limit. It finds limits on requests in flight, rates and windows, and heeds quotas in headers |
//! | [`Fixed`] | you know how many requests may be in flight, and they alone are limited |
//! | [`Aimd`](crate::concurrency::limit::Aimd) | you want a simple rule that is easy to predict: a little up while accepted, a cut on a refusal |
//! | [`Vegas`](crate::concurrency::limit::Vegas), [`Gradient2`](crate::concurrency::limit::Gradient2) | the API never refuses, and slows down instead |
//!
//! Only `Learned` keeps a rate. Under a limit on requests per minute the others are refused again and again,
//! as a number in flight cannot express a rate.
//!
//! # One layer for each quota
//!
//! The most common mistake is to share a layer between two quotas, or to have two layers for one. A layer, its clones and all services that they wrap are one gate. Use one
//! [`AdaptiveConcurrencyLayer`](crate::AdaptiveConcurrencyLayer) for each quota, such as each API key or each
//! model, and one [`RetryOn429Layer`](crate::RetryOn429Layer) with it.
//! [`sharing`](super::sharing#two-keys) has the code.
//!
//! # In use
//!
//! A [`Handle`](crate::concurrency::Handle) changes a gate in use: `set_limit`, `set_min`, `set_max`, `pause`,
//! `resume`. Builder methods do not; they make a layer with a new gate once anything shares the old one.
