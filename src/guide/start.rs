//! A first client: how to build it, send with it, and keep it in a struct.
//!
//! The two layers go around the client that you have. Use one client, and clones of it, for all that shares a
//! quota. [`recipes`](super::recipes) has more code, and [`failing`](super::failing) says what
//! happens when the API refuses.
//!
//! # Build and send
//!
//! ```no_run
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::{BodyExt, Full};
//! use hyper_util::client::legacy::Client;
//! use hyper_util::rt::TokioExecutor;
//! use tower::{ServiceBuilder, ServiceExt as _};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let http = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new()) // outside: the retries of a request
//!     .layer(AdaptiveConcurrencyLayer::new()) // inside: every attempt passes the gate
//!     .service(http);
//!
//! let request = Request::post("http://api.example.com/v1/posts");
//! let request = request.body(Full::from("hello"))?;
//! let response = client.clone().oneshot(request).await?;
//! println!("{}", response.status());
//! println!("{:?}", response.into_body().collect().await?.to_bytes());
//! # Ok(())
//! # }
//! ```
//!
//! - `oneshot` is a method of tower's `ServiceExt` (tower's feature `util`). It waits in line until the gate
//!   has a permit, sends the request, and resolves to the response's head.
//! - `oneshot` consumes the client, so clone it for each request. A clone costs little, and all clones
//!   share one gate.
//! - Send as many requests at once as there is work: spawn a task for each, or use `buffer_unordered`. The
//!   gate decides how many are in flight.
//! - Read each body to its end, or drop it. A long body holds its request's permit until then.
//! - A refusal that cannot be retried is a response, such as a 429, and not an error. Errors are the client's own.
//!
//! The [README] shows the same with TLS, and with reqwest, reqwest-middleware and axum.
//!
//! [README]: https://docs.rs/crate/tower-throttle/latest
//!
//! # Keep it in a struct
//!
//! With the defaults the type has a short name:
//!
//! ```
//! use tower_throttle::{AdaptiveConcurrency, RetryOn429};
//!
//! type Throttled<Client> = RetryOn429<AdaptiveConcurrency<Client>>;
//!
//! struct Api<Client> {
//!     client: Throttled<Client>,
//! }
//! # drop(Api { client: RetryOn429::new(AdaptiveConcurrency::new(())) });
//! ```
//!
//! Three methods of [`RetryOn429Layer`](crate::RetryOn429Layer) add a type parameter:
//! [`classify`](crate::RetryOn429Layer::classify), [`on_refusal`](crate::RetryOn429Layer::on_refusal) and
//! [`clone_request`](crate::RetryOn429Layer::clone_request). What has a name of its own can be written out:
//!
//! ```
//! use tower_throttle::retry::Preset;
//! use tower_throttle::{AdaptiveConcurrency, RetryOn429};
//!
//! // With `.classify(Preset::idempotent_failures())`:
//! type Throttled<Client> = RetryOn429<AdaptiveConcurrency<Client>, Preset>;
//! # fn is_used(_: Option<Throttled<()>>) {}
//! ```
//!
//! A closure's type has no name. Box the client then, as one does with any tower stack:
//!
//! ```
//! use std::convert::Infallible;
//!
//! use http::{Request, StatusCode};
//! use tower::ServiceBuilder;
//! use tower::util::BoxCloneSyncService;
//! use tower_throttle::concurrency::GuardedBody;
//! use tower_throttle::retry::{Decision, Head, ResponseBody};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # type Error = Infallible;
//! # type Body = String;
//! # type ClientBody = String;
//! # let http = tower::service_fn(async |_: Request<Body>| {
//! #     Ok::<_, Error>(http::Response::new(ClientBody::new()))
//! # });
//! type Response = http::Response<ResponseBody<GuardedBody<ClientBody>>>;
//!
//! #[derive(Clone)]
//! struct Api {
//!     client: BoxCloneSyncService<Request<Body>, Response, Error>,
//! }
//!
//! let bad_gateways = |result: Result<Head<'_>, &Error>| match result {
//!     Ok(head) if head.status() == StatusCode::BAD_GATEWAY => Decision::Retry,
//!     _ => Decision::Default,
//! };
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new().classify(bad_gateways))
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(http);
//! let api = Api { client: BoxCloneSyncService::new(client) };
//! # drop(api);
//! ```
//!
//! `ClientBody` is what the client answers with: `hyper::body::Incoming` for hyper-util's. Around
//! `reqwest::Client` the response is a `reqwest::Response`, so the box is
//! `BoxCloneSyncService<reqwest::Request, reqwest::Response, reqwest::Error>`. A box costs an allocation for
//! each request.
//!
//! # Around reqwest
//!
//! With the feature `reqwest` the layers wrap `reqwest::Client`. The result is a tower service and no longer
//! a `reqwest::Client`: `client.get(url).send()` does not exist on it. Keep the client for building requests,
//! and send them through the service:
//!
//! ```
//! # #[cfg(feature = "reqwest")]
//! # mod with_reqwest {
//! use reqwest::{Client, Error, Response};
//! use tower::{ServiceBuilder, ServiceExt as _};
//! use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer};
//! use tower_throttle::{RetryOn429, RetryOn429Layer};
//!
//! #[derive(Clone)]
//! pub struct Api {
//!     http: Client,
//!     throttled: RetryOn429<AdaptiveConcurrency<Client>>,
//! }
//!
//! impl Api {
//!     pub fn new() -> Self {
//!         let http = Client::new();
//!         let throttled = ServiceBuilder::new()
//!             .layer(RetryOn429Layer::new())
//!             .layer(AdaptiveConcurrencyLayer::new())
//!             .service(http.clone());
//!         Self { http, throttled }
//!     }
//!
//!     pub async fn post(&self, text: &str) -> Result<Response, Error> {
//!         let request = self.http.post("https://api.example.com/v1/posts");
//!         let request = request.body(text.to_owned());
//!         let response = self.throttled.clone().oneshot(request.build()?).await?;
//!         response.error_for_status()
//!     }
//! }
//! # }
//! ```
//!
//! To keep `client.get(url).send()`, use reqwest-middleware and the feature `reqwest-middleware`: see
//! [`integrations`](crate::integrations).
