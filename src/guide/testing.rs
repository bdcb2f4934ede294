//! How to test your own code with these layers in it.
//!
//! All waits are tokio's, so a test on a paused clock takes milliseconds, however long the API asks to wait.
//! Both layers draw jitter at random; with a [`seed`](crate::RetryOn429Layer::seed) a test gives the same
//! times in each run. Set it on both layers.
//!
//! # A test on a paused clock
//!
//! Write your code for any tower service, and give it a `service_fn` in the test. It needs tokio's features
//! `macros` and `test-util`:
//!
//! ```
//! use std::convert::Infallible;
//! use std::time::Duration;
//!
//! use http::{Request, Response};
//! use tokio::time::{Instant, sleep};
//! use tower::{Service, ServiceBuilder, ServiceExt as _, service_fn};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! /// The code to test: counts the posts that were done.
//! async fn send_all<S, B>(client: S, posts: &[&'static str]) -> Result<usize, S::Error>
//! where
//!     S: Service<Request<&'static str>, Response = Response<B>> + Clone,
//! {
//!     let mut done = 0;
//!     for post in posts {
//!         let response = client.clone().oneshot(Request::new(*post)).await?;
//!         done += usize::from(response.status().is_success());
//!     }
//!     Ok(done)
//! }
//!
//! # /* A doc test has no test functions.
//! #[tokio::test(start_paused = true)]
//! # */ #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() { a_minute_is_waited_for().await }
//! async fn a_minute_is_waited_for() {
//!     let start = Instant::now();
//!     // An API that is closed for the first minute.
//!     let api = service_fn(move |_| async move {
//!         sleep(Duration::from_millis(50)).await;
//!         let response = match 60_u64.checked_sub(start.elapsed().as_secs()) {
//!             None | Some(0) => Response::builder().status(200),
//!             Some(left) => Response::builder().status(429).header("retry-after", left),
//!         };
//!         Ok::<_, Infallible>(response.body(String::new()).unwrap())
//!     });
//!     let client = ServiceBuilder::new()
//!         .layer(RetryOn429Layer::new().seed(7))
//!         .layer(AdaptiveConcurrencyLayer::new().seed(7))
//!         .service(api);
//!
//!     assert_eq!(send_all(client, &["one", "two", "three"]).await, Ok(3));
//!     assert!(start.elapsed() >= Duration::from_secs(60));
//!     assert!(start.elapsed() <= Duration::from_secs(63));
//! }
//! ```
//!
//! Wall time stands still on a paused clock. So tell a record of what was learned how old it is by
//! [`Learnt::aged`](crate::concurrency::Learnt::aged).
//!
//! Assert ranges rather than exact times: what follows from a seed may change with the version of this crate.
//!
//! # What a paused clock does not do
//!
//! - Time moves only when every task waits for time. A task that waits for a real socket or a blocking thread
//!   lets the clock jump ahead, so timeouts fire at once. Use a `service_fn`, or an in-memory
//!   `tokio::io::duplex`, in place of a socket.
//! - `std::time::Instant` is not paused. Measure with `tokio::time::Instant`.
//! - A seed repeats the jitter, not the order in which a multi-threaded runtime runs tasks. Use the
//!   current-thread runtime.
//!
//! # A test without time
//!
//! To see only that the layers are there, look at the marks of a response:
//!
//! ```
//! # use std::convert::Infallible;
//! # use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//! use tower_throttle::RetryOn429Layer;
//! use tower_throttle::retry::Attempts;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Infallible> {
//! let api = service_fn(async |_: Request<()>| {
//!     Ok::<_, Infallible>(Response::builder().status(429).body(String::new()).unwrap())
//! });
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new().max_attempts(1))
//!     .service(api);
//!
//! let response = client.oneshot(Request::new(())).await?;
//! assert_eq!(response.status(), 429);
//! assert_eq!(Attempts::of(response.extensions()).get(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Against a real server
//!
//! The seed does not help there, as sockets and time are real. Bound refusals and time loosely, and assert
//! what was done exactly. The examples in the repository have an API on loopback for that
//! (`examples/support`).
