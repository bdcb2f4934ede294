//! Several deployments or API keys for one job: whichever has room serves.
//!
//! [`Spread`] is a service of several, each of which has a gate. A request stands in the line of all gates at once, and
//! goes with the first that lets it through. So no request is bound to a deployment before that has room for it,
//! and none waits at one that is paused while another is free.
//!
//! ```
//! # use std::convert::Infallible;
//! # use http::Response;
//! use http::{HeaderValue, Request};
//! use tower::util::MapRequestLayer;
//! use tower::{Layer as _, ServiceBuilder, ServiceExt as _};
//! use tower_throttle::spread::SpreadLayer;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let http_client = tower::service_fn(async |_: Request<String>| {
//! #     Ok::<_, Infallible>(Response::new(String::new()))
//! # });
//! let keys = ["first key", "second key"].map(|key| {
//!     let key = HeaderValue::from_static(key);
//!     let sign = move |mut request: Request<String>| {
//!         request.headers_mut().insert("x-api-key", key.clone());
//!         request
//!     };
//!     ServiceBuilder::new()
//!         .layer(AdaptiveConcurrencyLayer::new()) // a gate for each key
//!         .layer(MapRequestLayer::new(sign))
//!         .into_inner()
//! });
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new()) // outside: a retry may go with another key
//!     .layer(SpreadLayer::new(keys))
//!     .service(http_client);
//!
//! let request = Request::get("https://api.example.com/").body(String::new())?;
//! let response = client.clone().oneshot(request).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Deployments with clients of their own go into [`Spread::new`], which takes services of one type.
//!
//! # Order
//!
//! Requests are served in the order of their first polls, as far as one line can be made of several. Services that have
//! room at the same time take turns. A refused request keeps its place in the line of the gate that refused it,
//! and goes to the end of the others.
//!
//! A [`KeyedLayer`](crate::KeyedLayer) is ready before it knows its key's gate, so a spread *above* several of them
//! takes turns, and does not see which has room. A spread *below* a `KeyedLayer` does.
//!
//! Each gate's [`waiting`](crate::concurrency::Snapshot::waiting) counts all who wait: they stand in every line.
//!
//! # A deployment that fails
//!
//! One that refuses is left alone by its gate. One that fails at once, with a broken connection or a 500, always has room,
//! and would be sent the work of all. So after five failures in a row it is left out while others serve, and probed:
//! one request after 100 ms, the next after another 200 ms, and so on, up to one in a minute. The first answer ends
//! that. If all fail, all are tried.
//!
//! A failure is an error, or a 5xx that is no refusal. Those few requests get it as their answer, unless the retries above send
//! them again: [`Preset::idempotent_failures`](crate::retry::Preset::idempotent_failures) does for what was not
//! connected, and for methods that may be repeated.
//!
//! # What it costs
//!
//! A clone of a spread clones all of its services. So does no call: it takes as long as one of the first gate, while
//! that has room. Nothing is spawned, and errors are those of the services.
//!
//! # Cancel safety
//!
//! A service that is dropped gives up its places and its permit.

mod future;
mod health;
mod layer;
mod service;

pub use self::future::ResponseFuture;
pub use self::layer::SpreadLayer;
pub use self::service::Spread;
