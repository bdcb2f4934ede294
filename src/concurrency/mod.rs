//! Admission under a limit that is learned.
//!
//! [`AdaptiveConcurrencyLayer`] puts a gate before a client: no more requests are in flight than the
//! server has shown to take, those that wait are let through in order, and a refusal that asks for a
//! wait holds everybody, so that no other request runs into the same wall.
//!
//! ```
//! # use std::convert::Infallible;
//! # use bytes::Bytes;
//! # use http::{Request, Response};
//! # use http_body_util::Full;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_throttle::AdaptiveConcurrencyLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Infallible> {
//! # let http_client = tower::service_fn(async |_: Request<Full<Bytes>>| {
//! #     Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
//! # });
//! let mut client = ServiceBuilder::new()
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(http_client);
//!
//! let request = Request::get("https://api.example.com/").body(Full::default()).unwrap();
//! let response = client.ready().await?.call(request).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Bounds, another algorithm, and a [`Handle`] to look on:
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_throttle::AdaptiveConcurrencyLayer;
//! use tower_throttle::concurrency::limit::Aimd;
//! use tower_throttle::concurrency::{Classified, ReleaseAt};
//!
//! let layer = AdaptiveConcurrencyLayer::with_limit(Aimd::new().decrease(0.7))
//!     .initial_limit(10)
//!     .max_limit(50)
//!     .max_pause(Duration::from_secs(30))
//!     .release_at(ReleaseAt::Headers)
//!     .classify(|status, _headers| (status == 509).then_some(Classified::Refused));
//!
//! let handle = layer.handle();
//! assert_eq!(handle.limit(), 10);
//! handle.set_max(5);
//! assert_eq!(handle.snapshot().limit, 5);
//! ```
//!
//! # What is shared
//!
//! The gate belongs to the layer. All services that one layer or its clones wrap, and all clones of
//! those services, share one limit, one line and one pause. Use one layer for each quota: as a rule
//! one for each API key, or for each model. A clone whose settings are changed has a gate of its own.
//!
//! # Where it stands
//!
//! Inside retries, so that every attempt is let through, and counts, for itself, and no permit is
//! held while a retry waits. What queues or sheds requests, tower's `Buffer` or `LoadShed`, stands outside
//! the retries; [`max_time`](crate::RetryOn429Layer::max_time) bounds a request as a whole.
//!
//! # Readiness
//!
//! The permit is acquired in `poll_ready`, so backpressure reaches `LoadShed`, `Buffer` and
//! `call_all`. A service that was polled once and is then left alone (the loser of a `select!` that is
//! kept) holds nothing up for long: when it is called, a slot is kept for it for ten milliseconds and
//! then goes to the next in line, and it finds itself in front when it is polled again. A service that
//! became ready and is not used does hold its permit; drop it.
//!
//! # The line
//!
//! Who comes first is let through first. A request that was refused and that a
//! [`RetryOn429`](crate::RetryOn429) sends again keeps its place: it stands where it would stand if it had
//! not been tried, in front of those who came later. After three refusals its place moves half of the way
//! to the end of the line with each further one, so that a request that is always refused does not stay in
//! front. Somebody who was called is not passed over for it. Through a `Buffer` between the two layers the
//! place is lost, as another task polls the gate: the request goes to the end of the line.
//!
//! # Pauses
//!
//! A refused answer that asks for a wait pauses the gate for that long, and up to 5 % or half a second
//! longer, so that several clients do not come back in step. A wait above
//! [`max_pause`](AdaptiveConcurrencyLayer::max_pause) pauses nobody. The answer itself is passed on as
//! it is, with two extensions: the parsed [`Hint`](crate::Hint), and a
//! [`Governor`](crate::message::Governor) by which a retry above tells what the body said. An accepted
//! answer that tells of quotas carries the [`Hint`](crate::Hint) as well.
//!
//! Of some refusals only the body tells, such as a 403 that speaks of a rate limit. Such an answer gives its
//! place back with its head, and carries a governor as well: if that is told of a refusal, the request
//! counts as refused, and otherwise by its head when nobody has the governor any more.
//!
//! # The end
//!
//! [`Handle::close`] sends nobody any more and lets out all who wait, with an answer of its own;
//! [`Handle::drained`] waits for what is in flight.
//!
//! # Cancellation
//!
//! Whatever is dropped at whatever moment gives up its place or its permit, and the next in line is
//! woken. A request that is dropped before its answer counts as neither accepted nor refused.
//!
//! # Runtime
//!
//! The gate spawns nothing. Its timer is set by those who wait, in a pause, when the limit says so, and
//! to see to it that those called come, and by those who get an answer's head, in a runtime, while others
//! wait; they panic outside a tokio runtime whose time driver is enabled. Each runtime has a timer of its
//! own, so that one that stands still holds up no other.
//!
//! While requests are in flight, each that ends has somebody else set a timer that is missing. When none
//! is, up to sixteen in line are asked at once: if all of these, and all that were called, are services
//! that are never polled again, those behind wait for the next newcomer.

mod body;
mod classify;
mod future;
mod gate;
mod handle;
mod layer;
pub mod limit;
mod plan;
mod service;
mod snapshot;

pub use self::body::{DEFAULT_BODY_IDLE, GuardedBody, ReleaseAt, SHORT_BODY};
pub use self::classify::Classified;
pub use self::future::ResponseFuture;
pub use self::handle::Handle;
pub use self::layer::AdaptiveConcurrencyLayer;
pub use self::service::AdaptiveConcurrency;
pub use self::snapshot::{Snapshot, Watch};
