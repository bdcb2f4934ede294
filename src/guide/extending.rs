//! How to wrap another client, and how to write a limit.
//!
//! # Another client
//!
//! The layers wrap every tower service whose requests can be copied and whose responses have a status,
//! headers and a body. What to do depends on the types:
//!
//! | the client's types | what to do |
//! |---|---|
//! | `http::Request` and `http::Response` | nothing |
//! | a request type of another crate | give [`clone_request`](crate::RetryOn429Layer::clone_request) a closure |
//! | a response type of another crate | convert it below the layers, with tower's `map_response` |
//! | types of your own | implement the traits of [`message`](crate::message) |
//!
//! ## Types of another crate
//!
//! reqwest 0.12 is such a case: the feature `reqwest` is for 0.13. Its responses convert to `http::Response`,
//! and a closure copies its requests. `cargo run -p recipes --bin reqwest_012` in the repository runs this
//! with the real crate:
//!
//! ```
//! # mod reqwest {
//! #     #[derive(Clone)] pub struct Request(());
//! #     impl Request { pub fn try_clone(&self) -> Option<Self> { Some(self.clone()) } }
//! #     pub struct Response(());
//! #     pub type Body = String;
//! #     impl From<Response> for http::Response<Body> { fn from(_: Response) -> Self { Self::new(Body::new()) } }
//! # }
//! # let client = tower::service_fn(async |_: reqwest::Request| {
//! #     Err::<reqwest::Response, _>(std::io::Error::other("no network"))
//! # });
//! use tower::ServiceBuilder;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new().clone_request(reqwest::Request::try_clone))
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .map_response(http::Response::<reqwest::Body>::from)
//!     .service(client);
//! # fn is_client<S: tower::Service<reqwest::Request>>(_: &S) {}
//! # is_client(&client);
//! ```
//!
//! With a closure the layer knows nothing of a request but how to copy it, so it retries refusals only.
//! Implement [`CloneRequest`](crate::retry::CloneRequest) to say which requests may be repeated after other
//! failures, and which belong to one route.
//!
//! ## Types of your own
//!
//! A request implements [`ReplayRequest`](crate::message::ReplayRequest). A response implements
//! [`HttpResponse`](crate::message::HttpResponse), and [`WithBody`](crate::message::WithBody) for the bodies
//! that the layers put in:
//!
//! ```
//! use bytes::Bytes;
//! use http::response::Parts;
//! use http::{Extensions, HeaderMap, Method, StatusCode};
//! use http_body::Body;
//! use tower::ServiceBuilder;
//! use tower_throttle::message::{HttpResponse, ReplayRequest, WithBody};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! /// A call of some RPC client.
//! struct Call {
//!     http: http::Request<Bytes>,
//!     name: &'static str,
//! }
//!
//! impl ReplayRequest for Call {
//!     fn try_clone(&self) -> Option<Self> {
//!         Some(Self { http: self.http.clone(), name: self.name })
//!     }
//!
//!     fn method(&self) -> &Method {
//!         self.http.method()
//!     }
//!
//!     fn headers(&self) -> &HeaderMap {
//!         self.http.headers()
//!     }
//!
//!     fn headers_mut(&mut self) -> &mut HeaderMap {
//!         self.http.headers_mut()
//!     }
//! }
//!
//! /// Its reply.
//! struct Reply<B> {
//!     http: http::Response<B>,
//! }
//!
//! impl<B: Body> HttpResponse for Reply<B> {
//!     type Body = B;
//!
//!     fn status(&self) -> StatusCode {
//!         self.http.status()
//!     }
//!
//!     fn headers(&self) -> &HeaderMap {
//!         self.http.headers()
//!     }
//!
//!     fn extensions(&self) -> &Extensions {
//!         self.http.extensions()
//!     }
//!
//!     fn extensions_mut(&mut self) -> &mut Extensions {
//!         self.http.extensions_mut()
//!     }
//!
//!     fn into_parts(self) -> (Parts, B) {
//!         self.http.into_parts()
//!     }
//! }
//!
//! impl<B: Body, B2: Body> WithBody<B2> for Reply<B> {
//!     type Output = Reply<B2>;
//!
//!     fn from_parts(parts: Parts, body: B2) -> Reply<B2> {
//!         Reply { http: http::Response::from_parts(parts, body) }
//!     }
//! }
//!
//! # let rpc_client = tower::service_fn(async |call: Call| {
//! #     let _ = call.name;
//! #     Ok::<_, std::convert::Infallible>(Reply { http: http::Response::new(String::new()) })
//! # });
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(rpc_client);
//! # fn is_client<S: tower::Service<Call>>(_: &S) {}
//! # is_client(&client);
//! ```
//!
//! [`ReplayRequest::route`](crate::message::ReplayRequest::route) is worth implementing as well: without it
//! the circuit breaker takes all requests for one kind.
//!
//! # A limit
//!
//! A [`Limit`](crate::concurrency::limit::Limit) decides how many requests may be in flight, and when the next
//! may be sent. The gate tells it the time and what happened. It is called under the gate's lock, so it must
//! be quick, must not block and must not panic. This one halves on a refusal, and grows by one after ten
//! accepted requests in a row:
//!
//! ```
//! use std::convert::Infallible;
//!
//! # use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//! use tower_throttle::AdaptiveConcurrencyLayer;
//! use tower_throttle::concurrency::limit::{Headroom, Limit, Load, Now, Outcome, Sent};
//!
//! #[derive(Clone, Debug)]
//! struct Halving {
//!     limit: usize,
//!     min: usize,
//!     max: usize,
//!     accepted: u32,
//! }
//!
//! impl Limit for Halving {
//!     fn headroom(&mut self, _: &Now, load: Load) -> Headroom {
//!         Headroom::of(self.limit, load)
//!     }
//!
//!     fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {}
//!
//!     fn on_outcome(&mut self, _: &Now, _: &Sent, outcome: Outcome<'_>, _: Load) {
//!         match outcome {
//!             Outcome::Accepted(_) if self.accepted == 9 => {
//!                 self.accepted = 0;
//!                 self.set_limit(self.limit + 1);
//!             }
//!             Outcome::Accepted(_) => self.accepted += 1,
//!             Outcome::Refused { .. } => {
//!                 self.accepted = 0;
//!                 self.set_limit(self.limit / 2);
//!             }
//!             _ => {}
//!         }
//!     }
//!
//!     fn limit(&self) -> usize {
//!         self.limit
//!     }
//!
//!     fn set_limit(&mut self, limit: usize) {
//!         self.limit = limit.clamp(self.min, self.max);
//!     }
//!
//!     fn set_bounds(&mut self, min: usize, max: usize) {
//!         (self.min, self.max) = (min, max);
//!         self.set_limit(self.limit);
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Infallible> {
//! # let http_client = service_fn(async |_: Request<String>| {
//! #     Ok::<_, Infallible>(Response::new(String::new()))
//! # });
//! let limit = Halving { limit: 8, min: 1, max: 1000, accepted: 0 };
//! let gate = AdaptiveConcurrencyLayer::with_limit(limit);
//! let handle = gate.handle();
//! let client = ServiceBuilder::new().layer(gate).service(http_client);
//!
//! for _ in 0..10 {
//!     client.clone().oneshot(Request::new(String::new())).await?;
//! }
//! assert_eq!(handle.limit(), 9);
//! # Ok(())
//! # }
//! ```
//!
//! A limit needs no runtime to be tested, as [`Now::at`](crate::concurrency::limit::Now::at) gives it any time.
//! A limit that keeps a rate sets
//! [`Headroom::opens_at`](crate::concurrency::limit::Headroom::opens_at): the gate asks again then.
