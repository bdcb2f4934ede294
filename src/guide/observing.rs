//! How to see what the layers do.
//!
//! Three places show it: the response of one request, the numbers of the gate, and the state of the
//! circuit breaker. The crate writes no log and has no metrics of its own; the code below feeds yours.
//!
//! # One request
//!
//! The extensions of a response tell what happened to its request:
//!
//! ```
//! use tower_throttle::Hint;
//! use tower_throttle::message::Unsent;
//! use tower_throttle::retry::{Attempts, NotSentAgain};
//!
//! fn log<B>(response: &http::Response<B>) {
//!     let marks = response.extensions();
//!     let (status, attempts) = (response.status(), Attempts::of(marks).get());
//!     match (Unsent::of(marks), NotSentAgain::of(marks)) {
//!         (Some(unsent), _) => println!("{status}: not sent: {:?}", unsent.cause()),
//!         (_, Some(why)) => println!("{status}: not sent again: {why:?}"),
//!         _ if attempts > 1 => println!("{status} after {attempts} attempts"),
//!         _ => {}
//!     }
//!     for quota in Hint::of(marks).map_or(&[][..], Hint::quotas) {
//!         let (left, limit) = (quota.remaining, quota.limit);
//!         println!("{}: {left:?} of {limit:?} left", quota.dimension);
//!     }
//! }
//! # log(&http::Response::new(()));
//! ```
//!
//! Call it in a layer around both, such as tower's `map_response`. A layer below the gate sees each attempt,
//! the refused ones too: [`order`](super::order) says what to put where.
//!
//! # The gate
//!
//! [`Handle::snapshot`](crate::concurrency::Handle::snapshot) gives all numbers of the gate at one moment, for
//! a metrics endpoint that is asked from time to time. `accepted` and `refused` are counters of attempts, the
//! others are gauges. [`Watch::changed`](crate::concurrency::Watch::changed) waits for the next change, for a
//! log or a live page:
//!
//! ```
//! # use std::convert::Infallible;
//! # use http::{Request, Response};
//! use std::time::Duration;
//!
//! use tokio::time::sleep;
//! use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Infallible> {
//! # let http_client = service_fn(async |_: Request<String>| {
//! #     Ok::<_, Infallible>(Response::new(String::new()))
//! # });
//! let gate = AdaptiveConcurrencyLayer::new();
//! let handle = gate.handle(); // after the last setting
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(gate)
//!     .service(http_client);
//!
//! let mut watch = handle.watch();
//! let log = tokio::spawn(async move {
//!     loop {
//!         let now = watch.changed().await;
//!         println!("in flight {} of {}, {:?}/s", now.in_flight, now.limit, now.rate);
//!         println!("waiting {}, pause {:?}", now.waiting, now.pause_remaining);
//!         println!("accepted {}, refused {}", now.accepted, now.refused);
//!         sleep(Duration::from_secs(1)).await; // nearly every request is a change
//!     }
//! });
//!
//! client.oneshot(Request::new(String::from("hello"))).await?;
//!
//! // What a metrics endpoint would give out.
//! let now = handle.snapshot();
//! assert_eq!((now.accepted, now.refused, now.in_flight), (1, 0, 0));
//! log.abort();
//! # Ok(())
//! # }
//! ```
//!
//! Changes that happen while nobody awaits `changed` are reported once, with the latest numbers.
//! `examples/gateway` in the repository exports these numbers to Prometheus, and shows them on a live page.
//!
//! How to read them:
//!
//! | what you see | what it means |
//! |---|---|
//! | `waiting` above 0, `in_flight` at `limit` | the limit on requests in flight holds requests back |
//! | `waiting` above 0, `in_flight` below `limit`, `rate` is set | the learned rate holds them back |
//! | `waiting` above 0, `pause_remaining` is set | the server asked for a wait |
//! | `waiting` is 0 | the program sends less than the API takes: the limit is not tested |
//! | `refused` grows by 1 or 2 for every 100 `accepted` | the usual cost of finding out what the API takes |
//! | `refused` grows much faster | others use the same quota, or the API refuses at random |
//!
//! # The circuit breaker
//!
//! [`RetryHandle::is_open`](crate::retry::RetryHandle::is_open) tells whether requests are answered without
//! being sent, which is worth an alert. `pending` is the number of requests that were called and have no
//! answer yet:
//!
//! ```
//! use tower_throttle::RetryOn429Layer;
//!
//! let retries = RetryOn429Layer::new();
//! let handle = retries.handle(); // after the last setting
//! assert!(!handle.is_open());
//! assert_eq!(handle.pending(), 0);
//! ```
