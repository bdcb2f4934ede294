//! Classes, deadlines and bounded waits for the requests in a gate's line.
//!
//! The line of an [`AdaptiveConcurrency`](crate::AdaptiveConcurrency) is first come, first served, unless a layer
//! above says more of a request:
//!
//! - [`PriorityLayer`] puts all requests of one clone of a client into a [class](Priority).
//! - [`QueueLayer`] does so by request. It also bounds how many wait and for how long, fails a request
//!   that cannot be sent by its deadline, and says why by a [`QueueError`].
//!
//! Both belong outside the retries. Then the class and the deadline hold for every attempt of a request.
//!
//! Interactive requests beside a batch:
//!
//! ```
//! # use std::convert::Infallible;
//! use tower::{Layer, ServiceBuilder, ServiceExt};
//! use tower_throttle::queue::{Priority, PriorityLayer};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Infallible> {
//! # let http_client = tower::service_fn(async |_: http::Request<String>| {
//! #     Ok::<_, Infallible>(http::Response::new(String::new()))
//! # });
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(http_client);
//! let interactive = PriorityLayer::new(Priority::INTERACTIVE).layer(client.clone());
//! let batch = PriorityLayer::new(Priority::BATCH).layer(client);
//!
//! let response = interactive.oneshot(http::Request::new(String::new())).await?;
//! # let _ = (response, batch);
//! # Ok(())
//! # }
//! ```
//!
//! By request, with bounds:
//!
//! ```
//! # use std::convert::Infallible;
//! use std::time::Duration;
//!
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_throttle::queue::{Priority, QueueError, QueueLayer};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let http_client = tower::service_fn(async |_: http::Request<String>| {
//! #     Ok::<_, Infallible>(http::Response::new(String::new()))
//! # });
//! let queue = QueueLayer::new()
//!     .priority(|request: &Request<String>| {
//!         request.extensions().get().copied().unwrap_or_default()
//!     })
//!     .deadline(|_: &Request<String>| Some(Duration::from_secs(20)))
//!     .max_wait(Duration::from_secs(10))
//!     .max_waiting(1_000)
//!     .reject_when_full();
//! let client = ServiceBuilder::new()
//!     .layer(queue)
//!     .layer(RetryOn429Layer::new())
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(http_client);
//!
//! let mut request = Request::new(String::new());
//! request.extensions_mut().insert(Priority::INTERACTIVE);
//! match client.oneshot(request).await {
//!     Ok(response) => println!("{}", response.status()),
//!     Err(QueueError::Full) => println!("too many wait"),
//!     Err(QueueError::TimedOut { waited, ahead }) => println!("{waited:?}, {ahead:?} ahead"),
//!     Err(QueueError::Expired { needs }) => println!("it would have taken {needs:?}"),
//!     Err(QueueError::Inner(error)) => println!("{error}"),
//!     Err(error) => println!("{error}"),
//! }
//! # }
//! ```
//!
//! # How classes share
//!
//! Each class gets a share in proportion to its weight of what the gate lets through, for as long as it has
//! requests in line; [`Priority`] has the rules. A class is charged when a request is let through. A refused
//! request that keeps its [place](crate::concurrency#the-line) is not charged again: it goes before all others of
//! its class, and soon. The order costs no throughput. [`guide::priorities`](crate::guide::priorities) has the
//! figures.
//!
//! A share counts requests, not how long they take, nor what they [cost](crate::cost): of two classes of one weight, that
//! whose requests are ten times as dear gets ten times the tokens. A class decides who goes next, not who is in flight: it takes no
//! permit back. With five permits and calls of a minute, an interactive request waits for the first of the five to
//! end.
//!
//! # How it reaches the gate
//!
//! `poll_ready` has no argument for it. So a layer sets what it knows for the length of each poll of what is
//! below, and the gate reads it when a request begins to wait. A request that need not wait costs the gate
//! nothing more. Of two layers that name a class, the one nearer to the gate counts.
//!
//! A layer that polls from another task loses it, such as tower's `Buffer`: behind one, requests are
//! [`Priority::NORMAL`], without a deadline, and stand at the end of their class. So does a future that is
//! spawned below these layers. So put a `Buffer` above these layers, or below the gate.
//!
//! # Runtime
//!
//! A request that waits within a bound sets a timer, and panics outside a tokio runtime with time enabled.
//!
//! # Cancel safety
//!
//! A future that is dropped gives up its place in line, its seat in the queue or its permit, and whoever is
//! next is woken.

mod bounds;
mod error;
mod future;
mod layer;
mod prioritized;
mod request;
mod room;
mod service;

pub use self::error::QueueError;
pub use self::future::ResponseFuture;
pub use self::layer::QueueLayer;
pub use self::prioritized::{Prioritized, PrioritizedFuture, PriorityLayer};
pub use self::request::{DeadlineOf, NoDeadline, NoPriority, PriorityOf};
pub use self::service::Queue;
pub use crate::priority::Priority;
