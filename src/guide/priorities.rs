//! Which requests go first, how long they may wait, and what is told to those that wait for nothing.
//!
//! In the code, `http_client` stands for hyper-util's client or any other tower service of `http` types.
//! [`queue`](crate::queue) has the rules, and `examples/priorities.rs` is a whole program.
//!
//! # Interactive requests beside a batch
//!
//! One client, and a clone of it for each class. All share one gate:
//!
//! ```
//! # use std::convert::Infallible;
//! # use std::time::Duration;
//! # use http::{Request, Response};
//! # use tower::{ServiceExt as _, service_fn};
//! # use tower_throttle::concurrency::limit::Fixed;
//! use tower::{Layer, ServiceBuilder};
//! use tower_throttle::queue::{Priority, PriorityLayer};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Infallible> {
//! # let http_client = service_fn(async |_: Request<()>| {
//! #     tokio::time::sleep(Duration::from_secs(1)).await;
//! #     Ok::<_, Infallible>(Response::new(String::new()))
//! # });
//! # let of_five = AdaptiveConcurrencyLayer::with_limit(Fixed::new(5));
//! # #[allow(unused_variables)]
//! let gate = AdaptiveConcurrencyLayer::new();
//! # let gate = of_five;
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(gate)
//!     .service(http_client);
//! let interactive = PriorityLayer::new(Priority::INTERACTIVE).layer(client.clone());
//! let batch = PriorityLayer::new(Priority::BATCH).layer(client);
//! # for _ in 0..500 {
//! #     tokio::spawn(batch.clone().oneshot(Request::new(())));
//! # }
//! # tokio::time::sleep(Duration::from_millis(1)).await;
//! # let start = tokio::time::Instant::now();
//! # interactive.oneshot(Request::new(())).await?;
//! # assert_eq!(start.elapsed().as_secs(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! Behind 500 requests of a batch, at an API that works on five at a time and takes a second for each, the
//! interactive request takes two seconds; in one line it would take a hundred. While both classes wait,
//! interactive requests get 16 of 17 permits, and the batch one. Whatever one class does not use is the other's.
//!
//! What classes do at a simulated API that tells nobody its limit, the mean of twelve seeds
//! (`cargo run --release -p ground -- --classes`):
//!
//! | the API, and the work | order | interactive wait, p50 / p99 | time | refused per 1,000 |
//! |---|---|--:|--:|--:|
//! | 40 at a time, 4 s each: a batch of 2,000, and 2 interactive a second | one line | 122 / 199 s | 246.5 s | 6.7 |
//! | | 16 : 1 | 0.07 / 0.49 s | 246.7 s | 6.6 |
//! | | strict | 0.07 / 0.48 s | 246.7 s | 6.6 |
//! | 600 a minute: the same | one line | 121 / 198 s | 239.1 s | 8.5 |
//! | | 16 : 1 | 0.06 / 0.19 s | 239.0 s | 8.3 |
//! | 600 a minute: a batch of 600, and 12 interactive a second, which is more than there is | one line | 89 / 119 s | 420.0 s | 6.3 |
//! | | 16 : 1 | 42 / 83 s | 420.2 s | 6.8 |
//!
//! In the last case, the batch gets 100 % of its share of a seventeenth, and 0 % if interactive requests go
//! strictly first. The order costs neither time nor refusals.
//!
//! # By request
//!
//! A header, an extension or the path may name the class. [`QueueLayer`](crate::QueueLayer) asks for it, and
//! bounds the wait:
//!
//! ```
//! # use std::convert::Infallible;
//! use std::time::Duration;
//!
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt as _};
//! use tower_throttle::queue::{Priority, QueueError, QueueLayer};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let http_client = tower::service_fn(async |_: Request<String>| {
//! #     Ok::<_, Infallible>(http::Response::new(String::new()))
//! # });
//! let queue = QueueLayer::new()
//!     .priority(|request: &Request<String>| match request.uri().path() {
//!         "/v1/chat" => Priority::INTERACTIVE,
//!         _ => Priority::BATCH,
//!     })
//!     .max_waiting(1_000)
//!     .reject_when_full()
//!     .max_wait(Duration::from_secs(30));
//! let client = ServiceBuilder::new()
//!     .layer(queue)
//!     .layer(RetryOn429Layer::new())
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(http_client);
//!
//! let request = Request::post("/v1/chat").body(String::new()).unwrap();
//! match client.oneshot(request).await {
//!     Ok(response) => println!("{}", response.status()),
//!     Err(QueueError::Inner(error)) => println!("the client failed: {error}"),
//!     Err(busy) => println!("not sent: {busy}"),
//! }
//! # }
//! ```
//!
//! Without `reject_when_full`, `poll_ready` is what waits while a thousand wait: backpressure, for a producer
//! that can wait. With it, a request on top fails at once, or takes the seat of one of a lower class.
//!
//! | bound | what it bounds | what a caller gets |
//! |---|---|---|
//! | [`max_waiting`](crate::QueueLayer::max_waiting) | how many wait | `poll_ready` waits, or [`Full`](crate::QueueError::Full) |
//! | [`max_wait`](crate::QueueLayer::max_wait) | the wait until the request is sent for the first time | [`TimedOut`](crate::QueueError::TimedOut): how long it waited, how many were ahead |
//! | [`deadline`](crate::QueueLayer::deadline) | when it must be sent, retries included | [`Expired`](crate::QueueError::Expired), at once if it can be foreseen |
//! | [`max_time`](crate::RetryOn429Layer::max_time) | the waits of the retries | the API's last refusal |
//! | `tokio::time::timeout` around all | everything | an error |
//!
//! With a gate for each key, the bounds hold in each key's line: see
//! [`guide::keys`](super::keys#classes-and-deadlines).
//!
//! # A true `Retry-After`
//!
//! A server that calls an API for its own clients can tell them how long the line is, before it takes a request
//! in. [`Handle::ahead`](crate::concurrency::Handle::ahead) counts who would go first, and
//! [`Handle::estimate`](crate::concurrency::Handle::estimate) says how long that takes:
//!
//! ```
//! use std::time::Duration;
//!
//! use http::{Response, StatusCode, header::RETRY_AFTER};
//! use tower_throttle::concurrency::Handle;
//! use tower_throttle::queue::Priority;
//!
//! /// The answer to a client that waits no longer than ten seconds.
//! fn busy(gate: &Handle, class: Priority) -> Option<Response<()>> {
//!     let wait = gate.estimate(gate.ahead(class)).filter(|wait| *wait > Duration::from_secs(10))?;
//!     let response = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE);
//!     response.header(RETRY_AFTER, wait.as_secs() + 1).body(()).ok()
//! }
//! # let gate = tower_throttle::AdaptiveConcurrencyLayer::new().handle();
//! # assert!(busy(&gate, Priority::BATCH).is_none());
//! # gate.pause(Duration::from_secs(30));
//! # assert_eq!(busy(&gate, Priority::BATCH).unwrap().headers()[RETRY_AFTER], "30");
//! ```
//!
//! `examples/recipes/src/bin/axum_deadline.rs` does it in an axum app
//! (`cargo run -p recipes --bin axum_deadline`), and so does the gateway in `examples/gateway`.
//!
//! # Tenants
//!
//! A class for each tenant gives each the same share, however many requests one of them has:
//!
//! ```
//! use tower_throttle::queue::Priority;
//!
//! fn class(tenant: u32, is_paying: bool) -> Priority {
//!     Priority::BATCH.weight(if is_paying { 4 } else { 1 }).class(tenant)
//! }
//! # assert!(class(1, true).outranks(class(2, false)));
//! ```
//!
//! # What it costs
//!
//! A request that need not wait costs the gate nothing more, and no layer allocates for it. Above both layers, a
//! `PriorityLayer` adds about 30 ns to a call, and a `QueueLayer` with a class, a deadline and both bounds about 220 ns
//! (`cargo bench --bench overhead`). A waiter takes 49 bytes of the line, with a class or without.
//!
//! # In reqwest-middleware
//!
//! With the feature `reqwest-middleware`, an extension names the class:
//! `client.get(url).with_extension(Priority::INTERACTIVE)`. See `ThrottleMiddleware`.
