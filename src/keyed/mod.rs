//! A gate for each key: host, account, model, or whatever an API counts by.
//!
//! [`AdaptiveConcurrencyLayer`](crate::AdaptiveConcurrencyLayer) is one gate, for one quota. A program that
//! calls many hosts, or for many accounts, needs one for each. [`KeyedLayer`] makes them as keys come, and forgets
//! those that are idle.
//!
//! ```
//! # use std::convert::Infallible;
//! # use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt as _};
//! use tower_throttle::RetryOn429Layer;
//! use tower_throttle::keyed::{Host, KeyedLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Infallible> {
//! # let http_client = tower::service_fn(async |_: Request<String>| {
//! #     Ok::<_, Infallible>(Response::new(String::new()))
//! # });
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new()) // one for all keys
//!     .layer(KeyedLayer::new(Host::of::<Request<String>>)) // a gate for each host
//!     .service(http_client);
//!
//! let request = Request::get("https://api.example.com/v1").body(String::new()).unwrap();
//! let response = client.clone().oneshot(request).await?;
//! # Ok(())
//! # }
//! ```
//!
//! By account and model, with gates that differ, and bounds:
//!
//! ```
//! # #[cfg(feature = "json")] {
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::Full;
//! use tower_throttle::AdaptiveConcurrencyLayer;
//! use tower_throttle::keyed::{Account, KeyedLayer, Model};
//!
//! type Key = (Account, Option<Model>);
//!
//! let layer = KeyedLayer::new(|request: &Request<Full<Bytes>>| {
//!     (Account::of(request), Model::of(request))
//! })
//! .gates(|(account, _): &Key| {
//!     let most = if account.credential().is_some() { 100 } else { 2 };
//!     AdaptiveConcurrencyLayer::new().max_limit(most)
//! })
//! .max_keys(1_000)
//! .idle(Duration::from_secs(3_600))
//! .max_waiting(5_000);
//!
//! let gates = layer.handle();
//! assert!(gates.is_empty());
//! # }
//! ```
//!
//! [`guide::keys`](crate::guide::keys) says when to use it, and what it costs.
//!
//! # A request's way
//!
//! The key is known only when a request is there, so `poll_ready` cannot wait for the key's gate. It takes a
//! *ticket*, of which there are [`max_waiting`](KeyedLayer::max_waiting). `call` finds the gate of the key, or makes it.
//! The future waits in that gate's line, gives the ticket back when it has its permit, and calls a clone of the
//! wrapped service. Answers, errors and bodies are those of [`concurrency`](crate::concurrency).
//!
//! A key that is paused delays no other: its requests hold at most a [share](KeyedLayer::max_share) of the tickets, a
//! quarter by default. Those on top wait in the same line without a ticket. So that they cannot pile up without a
//! bound, the service through which one was sent is not ready until it has its permit. Other clones are. A program
//! that sends all requests through one service, such as a `Buffer`, is held back by a key with more than its share
//! waiting, and should have a `max_waiting` to match.
//!
//! # How long a key is kept
//!
//! Nothing runs in the background. When a new key comes, the table is swept: of keys that are
//! [idle](KeyedLayer::idle), and of the oldest if there are too [many](KeyedLayer::max_keys). A gate that is in use
//! is kept: one at which requests wait or are in flight, of which a body holds a permit, which is paused, or of which
//! somebody keeps a [`Handle`](crate::concurrency::Handle). What a gate has learned goes with it, and a key that
//! comes back begins anew, unless [`on_evict`](KeyedLayer::on_evict) keeps that and [`resume`](KeyedLayer::resume) gives
//! it back.
//!
//! # Buckets that an answer names
//!
//! Some APIs tell by the answer what they counted the request by: Discord in `X-RateLimit-Bucket`, GitHub in
//! `x-ratelimit-resource`. [`alias`](KeyedLayer::alias) reads it. The key of the request is what is known before, such
//! as the route. Once an answer has named the bucket, the key leads to the bucket's gate:
//!
//! ```
//! use http::Request;
//! use tower_throttle::keyed::KeyedLayer;
//!
//! #[derive(Clone, PartialEq, Eq, Hash)]
//! enum Key {
//!     Route(String),
//!     Resource(String),
//! }
//!
//! let layer = KeyedLayer::new(|request: &Request<String>| {
//!     let route = request.uri().path().split('/').nth(1);
//!     Key::Route(route.unwrap_or_default().to_owned())
//! })
//! .alias(|_, headers| {
//!     let resource = headers.get("x-ratelimit-resource")?.to_str().ok()?;
//!     Some(Key::Resource(resource.to_owned()))
//! });
//! # let _ = layer;
//! ```
//!
//! # Panics
//!
//! A function of yours that panics does so in `call` (the key, the gate, the cost) or when the future is polled (the
//! bucket). Its request is lost, and nothing else: no lock is held, and no ticket or permit is lost. `Hash` and `Eq`
//! of a key run under the table's lock, and should neither panic nor wait.
//!
//! # Cancel safety
//!
//! A service or future that is dropped, at any moment, gives back what it holds: its ticket, its place in
//! line, its permit.

mod bound;
mod future;
mod handle;
mod hasher;
mod key;
mod layer;
mod overflow;
mod service;
mod shared;
mod table;
mod ticket;

pub use self::future::ResponseFuture;
pub use self::handle::KeyedHandle;
#[cfg(feature = "json")]
pub use self::key::Model;
pub use self::key::{Account, Credential, Host, Target};
pub use self::layer::KeyedLayer;
pub use self::service::Keyed;
