//! Twenty tasks, each with its code.
//!
//! | task | where |
//! |---|---|
//! | hyper-util's client, with TLS | [README], [`start`], `examples/hyper_client.rs` |
//! | reqwest in a struct | [`start`](super::start#around-reqwest), `examples/reqwest_client.rs` |
//! | reqwest-middleware | [`integrations`](crate::integrations), `examples/reqwest_middleware.rs` |
//! | an axum app whose handlers have a deadline | `examples/recipes/src/bin/axum_deadline.rs` (`cargo run -p recipes --bin axum_deadline`) |
//! | 500 requests, answers in order | [below](#answers-in-order), [`batch`](super::batch) |
//! | a batch that survives a crash | [`batch`](super::batch#a-batch-that-survives-a-crash) |
//! | two API keys, a gate for each | [`sharing`](super::sharing#two-keys), `examples/keyed.rs` (`cargo run --example keyed`) |
//! | two API keys or three deployments of which any will do | [`spread`](crate::spread), `examples/deployments.rs` (`cargo run --example deployments --features util`) |
//! | a known cost in tokens | [`tokens`](super::tokens) |
//! | interactive requests before a batch | [`priorities`](super::priorities#interactive-requests-beside-a-batch), `examples/priorities.rs` (`cargo run --example priorities`) |
//! | a bounded wait, and a deadline for each request | [`priorities`](super::priorities#by-request) |
//! | a 503 with a true `Retry-After` | [`priorities`](super::priorities#a-true-retry-after), `examples/recipes/src/bin/axum_deadline.rs` |
//! | equal shares for tenants | [`priorities`](super::priorities#tenants) |
//! | a log and metrics | [`observing`](super::observing) |
//! | a test on a paused clock | [`testing`](super::testing) |
//! | server-sent events | [below](#server-sent-events) |
//! | a streamed upload | [below](#a-streamed-upload) |
//! | idempotent requests, retried after failures too | [below](#idempotent-requests) |
//! | shutdown in order | [below](#shutdown) |
//! | a limit that is kept over a restart | [`resuming`](super::resuming) |
//! | several processes on one quota | [`sharing`](super::sharing#several-processes), in part |
//!
//! Paths are those of the repository, and its `examples/README.md` says what each program prints. In the code
//! below, `http_client` stands for hyper-util's client or any other tower service of `http` types, and
//! `client` for that with both layers around it.
//!
//! [README]: https://docs.rs/crate/tower-throttle/latest
//! [`start`]: super::start
//!
//! # Answers in order
//!
//! Spawn all, and await them in order. The gate decides how many are in flight, and no request needs an index. In
//! bounded memory, [`Batch`](super::batch) does it:
//!
//! ```
//! # use std::convert::Infallible;
//! # use bytes::Bytes;
//! # use http::{Request, Response};
//! # use http_body_util::Full;
//! use http_body_util::BodyExt as _;
//! use tower::ServiceExt as _;
//! # use tower::ServiceBuilder;
//! # use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let client = ServiceBuilder::new()
//! #     .layer(RetryOn429Layer::new())
//! #     .layer(AdaptiveConcurrencyLayer::new())
//! #     .service(tower::service_fn(async |request: Request<Full<Bytes>>| {
//! #         tokio::time::sleep(std::time::Duration::from_millis(fastrand::u64(50..150))).await;
//! #         Ok::<_, Infallible>(Response::new(request.into_body()))
//! #     }));
//! let tasks: Vec<_> = (0..500)
//!     .map(|number| {
//!         let client = client.clone();
//!         tokio::spawn(async move {
//!             let request = Request::new(Full::from(format!("post {number}")));
//!             let response = client.oneshot(request).await?;
//!             response.into_body().collect().await.map(|body| body.to_bytes())
//!         })
//!     })
//!     .collect();
//! for (number, task) in tasks.into_iter().enumerate() {
//!     let body = task.await??;
//!     assert_eq!(body, format!("post {number}"));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Server-sent events
//!
//! There is nothing to set. The permit is held while the stream is read, as the server is at work, and is returned when
//! the stream ends or is dropped:
//!
//! ```
//! # use std::convert::Infallible;
//! # use bytes::Bytes;
//! # use http::{Request, Response};
//! # use http_body_util::channel::Channel;
//! # use tower::{ServiceBuilder, service_fn};
//! # use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//! use http_body_util::BodyExt as _;
//! use tower::ServiceExt as _;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let http_client = service_fn(async |_: Request<()>| {
//! #     let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
//! #     tokio::spawn(async move { for _ in 0..3 { sender.send_data(Bytes::from("data: x\n\n")).await.unwrap(); } });
//! #     Ok::<_, Infallible>(Response::new(body))
//! # });
//! # let layer = AdaptiveConcurrencyLayer::new();
//! # let gate = layer.handle();
//! # let client = ServiceBuilder::new().layer(RetryOn429Layer::new()).layer(layer).service(http_client);
//! # let request = Request::new(());
//! let mut events = client.oneshot(request).await?.into_body();
//! # let mut pieces = 0;
//! while let Some(frame) = events.frame().await {
//!     if let Some(data) = frame?.data_ref() {
//!         println!("{}", String::from_utf8_lossy(data));
//! #       pieces += 1;
//! #       assert_eq!(gate.in_flight(), 1);
//!     }
//! }
//! # assert_eq!((pieces, gate.in_flight()), (3, 0));
//! # Ok(())
//! # }
//! ```
//!
//! With reqwest: `response.chunk()` or `bytes_stream()`, as without the layers. A stream that breaks off is
//! not retried, as the caller has a part of it. If the API counts only how many streams are begun, release the
//! permit with the head:
//! [`release_at(ReleaseAt::Headers)`](crate::AdaptiveConcurrencyLayer::release_at).
//!
//! # A streamed upload
//!
//! A stream can be read only once, so a request with one gets one attempt. A
//! [`ReplayBody`](crate::retry::ReplayBody) keeps what was read, up to a cap, and sends it again:
//!
//! ```
//! # use std::convert::Infallible;
//! # use std::sync::atomic::{AtomicU32, Ordering};
//! # use bytes::Bytes;
//! # use http::Response;
//! # use http_body_util::BodyExt as _;
//! # use tower::{ServiceExt as _, service_fn};
//! use http::Request;
//! use http_body_util::channel::Channel;
//! use tower::ServiceBuilder;
//! use tower_throttle::retry::{Attempts, ReplayBody};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! type Upload = Channel<Bytes, Infallible>;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Infallible> {
//! # let sent = std::sync::Arc::new(AtomicU32::new(0));
//! # let http_client = service_fn(move |request: Request<ReplayBody<Upload>>| {
//! #     let status = if sent.fetch_add(1, Ordering::SeqCst) == 0 { 429 } else { 200 };
//! #     async move {
//! #         let body = request.into_body().collect().await.unwrap().to_bytes();
//! #         assert_eq!(body, "hello");
//! #         Ok::<_, Infallible>(Response::builder().status(status).body(String::new()).unwrap())
//! #     }
//! # });
//! let client = ServiceBuilder::new()
//!     .map_request(|request: Request<Upload>| {
//!         request.map(|body| ReplayBody::new(body, 1024 * 1024))
//!     })
//!     .layer(RetryOn429Layer::new())
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(http_client);
//!
//! let (mut sender, body) = Upload::new(1);
//! tokio::spawn(async move { sender.send_data(Bytes::from("hello")).await });
//! let response = client.oneshot(Request::new(body)).await?;
//! assert_eq!(Attempts::of(response.extensions()).get(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! With reqwest, [`buffer_bodies(1024 * 1024)`](crate::RetryOn429Layer::buffer_bodies) does the same. An
//! upload that is longer than the cap is sent once;
//! [`NotSentAgain`](crate::retry::NotSentAgain) in the response's extensions says so if it was refused.
//!
//! # Idempotent requests
//!
//! By default only refusals are retried. A `GET` may be repeated after other failures too: a 500, 502 or 504,
//! a broken connection. [`Preset`](crate::retry::Preset) does that, and leaves a `POST` alone unless the
//! failure proves that nothing was done:
//!
//! ```
//! # use std::convert::Infallible;
//! # use http::{Method, Request, Response};
//! # use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//! use tower_throttle::RetryOn429Layer;
//! use tower_throttle::retry::Preset;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Infallible> {
//! let retries = RetryOn429Layer::new().classify(Preset::idempotent_failures());
//! # for (method, attempts, status) in [(Method::GET, 2, 200), (Method::POST, 1, 502)] {
//! #     let statuses = std::sync::Mutex::new(vec![200, 502]);
//! #     let statuses = std::sync::Arc::new(statuses);
//! #     let client = ServiceBuilder::new().layer(retries.clone()).service(service_fn(move |_: Request<()>| {
//! #         let status = statuses.lock().unwrap().pop().unwrap();
//! #         let response = Response::builder().status(status).body(String::new()).unwrap();
//! #         std::future::ready(Ok::<_, Infallible>(response))
//! #     }));
//! #     let request = Request::builder().method(method).body(()).unwrap();
//! #     let response = client.oneshot(request).await?;
//! #     assert_eq!(response.status(), status);
//! #     assert_eq!(tower_throttle::retry::Attempts::of(response.extensions()).get(), attempts);
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! With hyper-util's client switch the feature `hyper-util` on, so that its errors are recognised. If the API
//! knows the header `Idempotency-Key`,
//! [`idempotency_key`](crate::RetryOn429Layer::idempotency_key) makes each `POST` repeatable as well.
//!
//! # Shutdown
//!
//! Close the retry layer, not the gate, and wait for both. What is in flight is answered; what waits is
//! answered without being sent:
//!
//! ```
//! # use std::convert::Infallible;
//! # use http::{Request, Response};
//! # use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//! use tower_throttle::message::Unsent;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Infallible> {
//! # let http_client = service_fn(async |_: Request<()>| {
//! #     Ok::<_, Infallible>(Response::new(String::new()))
//! # });
//! let (retry_layer, gate_layer) = (RetryOn429Layer::new(), AdaptiveConcurrencyLayer::new());
//! let (retries, gate) = (retry_layer.handle(), gate_layer.handle()); // after all settings
//! let client = ServiceBuilder::new()
//!     .layer(retry_layer)
//!     .layer(gate_layer)
//!     .service(http_client);
//!
//! // ... on SIGTERM:
//! retries.close(); // nothing is sent any more
//! retries.drained().await; // what was in flight is answered
//! gate.drained().await; // the line is empty, and no body holds a permit
//!
//! let response = client.oneshot(Request::new(())).await?;
//! assert_eq!(response.status(), 503);
//! assert!(Unsent::of(response.extensions()).is_some());
//! # Ok(())
//! # }
//! ```
