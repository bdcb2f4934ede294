//! A gate before a client, under a limit that is learned.
//!
//! [`AdaptiveConcurrencyLayer`] puts a gate before a client. No more requests are in flight than the
//! server has shown to take; each of them holds a *permit*. The others wait in *line* and are let through
//! in order. A refusal that asks for a wait *pauses* the gate, so that no other request is refused for the
//! same reason.
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
//! Bounds, another algorithm, and a [`Handle`] to look at the gate from outside:
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
//! # Where the layer belongs
//!
//! Inside the retries. Then every attempt needs a permit and counts for itself, and no permit is held while
//! a retry waits. Layers that queue or shed requests, such as tower's `Buffer` and `LoadShed`, belong
//! outside the retries. [`max_time`](crate::RetryOn429Layer::max_time) bounds how long a request waits.
//!
//! # Readiness
//!
//! The permit is acquired in `poll_ready`, so backpressure reaches `LoadShed`, `Buffer` and
//! `call_all`. A service that was polled once and is then left alone (the loser of a `select!` that is
//! kept) holds nothing up for long. When its turn comes, it is woken and a permit is reserved for it for ten
//! milliseconds. Then the permit goes to the next in line, and the service is first in line when it is
//! polled again. A service that became ready and is not used does hold its permit; drop it.
//!
//! # The line
//!
//! The line is first come, first served, unless requests have [classes or deadlines](crate::queue). A request that was refused and that a
//! [`RetryOn429`](crate::RetryOn429) sends again keeps its place in it: it stands where it would stand if it
//! had not been tried, in front of requests of its class that came later. From the fourth refusal on, each one moves it
//! half-way to the end of its class, and from the seventh on it goes to the end: a request that is always
//! refused does not stay in front. It does not overtake a request that was already woken for a permit. With a `Buffer` between the two layers the
//! place is lost, as another task polls the gate: the request goes to the end of the line.
//!
//! [`Handle::estimate`] says how long the line takes.
//!
//! # Pauses
//!
//! A refused answer that asks for a wait pauses the gate for that long, and up to 5 % or half a second
//! longer, so that several clients do not come back in step. A wait above
//! [`max_pause`](AdaptiveConcurrencyLayer::max_pause), 120 s by default, does not pause the gate. The answer
//! itself is passed on as it is, with two extensions: the parsed [`Hint`](crate::Hint), and a
//! [`HintSink`](crate::message::HintSink) by which a retry above tells what the body said. An accepted
//! answer that tells of quotas carries the [`Hint`](crate::Hint) as well.
//!
//! Some refusals can be told only by the body, such as a 403 that speaks of a rate limit. Such an answer
//! returns its permit with its head, and carries a [`HintSink`](crate::message::HintSink) as well. If the
//! sink is told of a refusal, the request counts as refused. Otherwise the request counts by its head,
//! once the last copy of the sink is dropped.
//!
//! # Shutdown
//!
//! [`Handle::close`] lets no request through any more, and answers those that wait. [`Handle::drained`] waits
//! for what is in flight. With retries above, close those instead: see
//! [`RetryHandle`](crate::retry::RetryHandle).
//!
//! # Cancel safety
//!
//! A future or service that is dropped, at any moment, gives up its place in line or its permit, and the
//! next in line is woken. A request that is dropped before its answer counts as neither accepted nor refused.
//!
//! # Runtime
//!
//! The gate spawns nothing. The tasks that wait in line set its timer: for a pause, for a pace that the
//! limit keeps, and for a reserved permit that is not taken. So does a task that gets an answer's head while
//! others wait. A task that waits panics outside a tokio runtime with time enabled. Each runtime has a timer
//! of its own, so that a runtime that stands still holds up no other.
//!
//! A request that ends wakes a task in line to set a timer that is missing. When none is in flight, up to
//! sixteen in line are woken at once. If all of these, and all that were woken before, are services that are
//! never polled again, the requests behind them wait until another one comes.

mod body;
mod classify;
mod future;
mod gate;
mod handle;
mod layer;
pub mod learnt;
mod lease;
pub mod limit;
#[cfg(feature = "util")]
mod load;
mod plan;
mod service;
mod snapshot;
mod template;
mod watch;

pub use self::body::{GuardedBody, ReleaseAt, SHORT_BODY};
pub use self::classify::Classified;
pub use self::future::ResponseFuture;
pub use self::gate::DEFAULT_BODY_IDLE;
pub(crate) use self::gate::{Admission, Gate, Permit};
pub use self::handle::Handle;
pub use self::layer::AdaptiveConcurrencyLayer;
pub use self::learnt::Learnt;
pub use self::lease::{Lease, Member, Role, Share, Tally};
pub use self::service::AdaptiveConcurrency;
pub use self::snapshot::Snapshot;
pub(crate) use self::template::Template;
pub use self::watch::Watch;
