//! One quota and its users: keys, token costs, priorities, restarts, processes.
//!
//! All services that one layer wraps share one gate, so use one layer for each quota, or a gate for each key.
//!
//! In the code, `http_client` stands for hyper-util's client or any other tower service of `http` types, and
//! `client` for that with both layers around it.
//!
//! # Two keys
//!
//! A quota belongs to a key, so each key needs a gate of its own. [`KeyedLayer`](crate::keyed::KeyedLayer) tells
//! requests apart by the credential that they carry, and makes a gate for each:
//!
//! ```
//! # use std::convert::Infallible;
//! # use bytes::Bytes;
//! # use http::Response;
//! # use http_body_util::Full;
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt as _};
//! use tower_throttle::RetryOn429Layer;
//! use tower_throttle::keyed::{Account, KeyedLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let http_client = tower::service_fn(async |_: Request<Full<Bytes>>| {
//! #     Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
//! # });
//! let layer = KeyedLayer::new(Account::of::<Request<Full<Bytes>>>);
//! let gates = layer.handle();
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(layer)
//!     .service(http_client);
//!
//! for key in ["Bearer first", "Bearer second"] {
//!     let request = Request::get("https://api.example.com/").header("authorization", key);
//!     client.clone().oneshot(request.body(Full::default())?).await?;
//! }
//! assert_eq!(gates.len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! [`keys`](super::keys) has more: hosts, models, buckets, bounds, and several keys of which any will do.
//!
//! # A cost in tokens
//!
//! Tell the gate what each request costs, and it keeps to limits on tokens, told or learned: see
//! [`tokens`](super::tokens).
//!
//! # Interactive requests first
//!
//! Classes and deadlines have [a page of their own](super::priorities).
//!
//! # A saved limit
//!
//! What a gate has learned can be kept over a restart: see [`resuming`](super::resuming).
//!
//! # Several processes
//!
//! [`Fleet`](crate::fleet::Fleet) makes several processes behave as one, through Redis or another store: see
//! [`fleet`](super::fleet). Without a store they share no state. Each finds its part of the quota by its own refusals,
//! and their parts become equal with time, but together they are refused more often than one process would be. If the
//! limit is known, divide it:
//!
//! ```
//! use tower_throttle::AdaptiveConcurrencyLayer;
//!
//! const AT_ONCE: usize = 40;
//! const PROCESSES: usize = 8;
//!
//! let gate = AdaptiveConcurrencyLayer::new().max_limit(AT_ONCE / PROCESSES);
//! # drop(gate);
//! ```
//!
//! Or send everything through one process: `examples/gateway` in the repository is a local gateway with both
//! layers in it.
