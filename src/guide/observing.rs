//! How to see what the layers do, and why.
//!
//! | what you want | what shows it |
//! |---|---|
//! | why did it do that | an [observer](#events) of both layers; the [`Timeline`](crate::observe::Timeline) is one |
//! | a log | the feature `tracing`: [`Tracing`](#a-log) |
//! | metrics and a dashboard | the feature `metrics`: [`Metrics`](#metrics) |
//! | what became of one request | the [extensions](#one-request) of its response |
//! | the numbers now, for a live page | a [handle](#the-gate) |
//!
//! # Events
//!
//! Both layers tell an [`Observer`](crate::observe::Observer) what they do. An [`Event`](crate::observe::Event) that
//! changes something says why: `Learned` gives a [`Reason`](crate::observe::Reason) each time that it changes its
//! limit, its rate or its circuit breaker.
//!
//! A timeline for people:
//!
//! ```
//! # use std::convert::Infallible;
//! # use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt as _};
//! use tower_throttle::observe::Timeline;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Infallible> {
//! # let http_client = tower::service_fn(async |_: Request<String>| {
//! #     Ok::<_, Infallible>(Response::new(String::new()))
//! # });
//! let timeline = Timeline::new(|line| eprintln!("{line}"));
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new().observe(timeline.clone()))
//!     .layer(AdaptiveConcurrencyLayer::new().observe(timeline))
//!     .service(http_client);
//! # client.oneshot(Request::new(String::new())).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Of an API that takes ten requests per second, and twenty at once, it tells this
//! (`tests/observe/golden/bucket.txt` in the repository has it whole):
//!
//! ```text
//!      0.200 s  limit 4 -> 27 in 1.232 s: requests wait and none was refused
//!      1.437 s  refused with 429, attempt 1
//!      1.437 s  limit 27 -> 26: refused with more in flight than was accepted before
//!      1.437 s  attempt 2 in 0.406 s: it was refused
//!      2.170 s  circuit breaker closed -> open: nothing is accepted
//!      2.420 s  circuit breaker open -> half-open: one more may go, to learn
//!      3.089 s  rate none -> 9.02/s: measured between two refusals
//!      3.977 s  rate 9.02/s -> 11.31/s: the rate held, so a higher one is tried
//!      4.978 s  rate 14.16/s -> 9.78/s: measured between two refusals
//! ```
//!
//! `cargo run --example watch` shows another run. An observer of your own is a closure:
//!
//! ```
//! use tower_throttle::observe::{Event, Source};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! /// Wakes somebody up.
//! fn alert(_: &str) {}
//!
//! let watch = |source: Source<'_>, event: &Event<'_>| match event {
//!     Event::GaveUp { attempts, why, .. } => eprintln!("{}: {attempts} attempts: {why}", source.name),
//!     Event::CircuitChanged { .. } => alert(&event.to_string()),
//!     _ => {}
//! };
//! let retries = RetryOn429Layer::new().name("api.example.com").observe(watch);
//! let gate = AdaptiveConcurrencyLayer::new().name("api.example.com").observe(watch);
//! # let _ = (retries, gate);
//! ```
//!
//! A `ThrottleMiddleware` of [reqwest-middleware](crate::integrations) has a method `observe` for both of its layers.
//! Instead of the methods of [`ThrottleExt`](crate::ThrottleExt), apply the layers themselves.
//! [`KeyedLayer::observe`](crate::KeyedLayer::observe) observes the gates of all keys, and
//! [`gates`](crate::KeyedLayer::gates) may name each after its key:
//!
//! ```
//! use http::Request;
//! use tower_throttle::AdaptiveConcurrencyLayer;
//! use tower_throttle::keyed::{Host, KeyedLayer};
//! use tower_throttle::observe::Timeline;
//!
//! let layer = KeyedLayer::new(Host::of::<Request<String>>)
//!     .gates(|host: &Host| AdaptiveConcurrencyLayer::new().name(host.name()))
//!     .observe(Timeline::new(|line| eprintln!("{line}")));
//! # let _ = layer;
//! ```
//!
//! # A log
//!
//! With the feature `tracing`, `Tracing` is an observer that tells a subscriber: what changes for all requests as an
//! info, who gives up as a warning, each attempt for debugging. The fields have OpenTelemetry's names.
//!
//! ```
//! # #[cfg(feature = "tracing")] {
//! use tower_throttle::observe::Tracing;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! let retries = RetryOn429Layer::new().observe(Tracing::new());
//! let gate = AdaptiveConcurrencyLayer::new().observe(Tracing::new());
//! # let _ = (retries, gate);
//! # }
//! ```
//!
//! The feature alone changes nothing: another crate of the program may have turned it on.
//!
//! # Metrics
//!
//! With the feature `metrics`, `Metrics` is an observer that measures with the recorder of the `metrics` facade: waits
//! in line by class, attempts per request, limit, rate, pauses, and what was refused, sent again and given up, by
//! reason. `examples/grafana` in the repository has a dashboard for it.
//!
//! ```
//! # #[cfg(feature = "metrics")] {
//! use tower_throttle::observe::Metrics;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! let metrics = Metrics::new();
//! let retries = RetryOn429Layer::new().name("api.example.com").observe(metrics.clone());
//! let gate = AdaptiveConcurrencyLayer::new().name("api.example.com").observe(metrics);
//! # let _ = (retries, gate);
//! # }
//! ```
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
//! a page or an endpoint that is asked from time to time. `accepted` and `refused` are counters of attempts, the
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
