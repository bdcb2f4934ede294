//! What a caller sees on a bad day, and how long it takes.
//!
//! Both layers hand on what the API and the client say. A refusal that cannot be retried is returned as the
//! response that it is, with its body; an error is the client's own. No setting is needed for that, but two
//! things are not bounded by default: how long a request waits, and how long an attempt takes.
//!
//! # One request, at the defaults
//!
//! A `POST` through both layers. The API takes 50 ms for an answer, if nothing else is said. The
//! [last section](#how-this-is-measured) says how the times are measured.
//!
//! | what the API does | what the caller gets | after | attempts |
//! |---|---|---:|---:|
//! | refuses once, with `Retry-After: 2` | 200 | 2.1 s | 2 |
//! | refuses everything, with 429 or 503, and names no wait | the last refusal | 3.6 to 3.8 min | 32 |
//! | refuses everything, with `Retry-After: 60` | the last refusal | 5 min | 6 |
//! | refuses with `Retry-After: 3600` | the refusal | at once | 1 |
//! | refuses with `insufficient_quota` in the body | the refusal | at once | 1 |
//! | answers 503 once, after 1.9 s | 200 | 2 to 6 s | 2 |
//! | answers 503 after 10 s: the work may be done | the 503 | 10 s | 1 |
//! | answers 500, 502 or 504 | that answer | at once | 1 |
//! | breaks the connection (`cargo test -p faults`) | the client's error | at once | 1 |
//! | refuses only this request, with `Retry-After: 120`, and serves others | the last refusal | **62 min** | 32 |
//! | never answers | **nothing** | **never** | 1 |
//!
//! What ends a lone request at an API that names no wait is [`max_attempts`], before [`max_outage`] would.
//! The last two rows are the reason to set a bound where somebody waits for the answer.
//!
//! # Many requests, in an outage
//!
//! The layers share what one request learns:
//!
//! - When the API has accepted nothing for five minutes ([`max_outage`]), the circuit breaker opens. All
//!   requests that wait are answered with a copy of the last refusal.
//! - A wait above two minutes ([`max_server_wait`]) or a permanent code opens it after two such refusals in a row.
//! - While it is open, a new request is answered at once, without being sent. One at a time is sent as a probe:
//!   at the time that the server told, or else after 1 s, 2 s, 4 s, up to a minute.
//! - The first probe that is accepted closes it.
//!
//! With a request every second, at an API that answers 503 for an hour, the first caller is told after five
//! minutes, 98 % of the requests that fail are never sent, and the first request is served within 20 s after
//! the API is back. `docs/outages.md` in the repository has more such runs.
//!
//! # Who answered
//!
//! A response with [`Unsent`](crate::message::Unsent) in its extensions is a layer's, and not the server's for
//! this request:
//!
//! ```
//! use tower_throttle::message::{Unsent, UnsentCause};
//!
//! fn explain<B>(response: &http::Response<B>) -> &'static str {
//!     match Unsent::of(response.extensions()).map(Unsent::cause) {
//!         None => "the server's own answer",
//!         Some(UnsentCause::CircuitOpen) => "the API serves nobody: its last refusal",
//!         Some(UnsentCause::OutOfTime) => "`max_time` is over: the last refusal",
//!         Some(UnsentCause::Closed) => "the program shuts down",
//!         Some(_) => "a layer's answer",
//!     }
//! }
//! # assert_eq!(explain(&http::Response::new(())), "the server's own answer");
//! ```
//!
//! # How to bound a request
//!
//! | bound | what it covers | what the caller gets |
//! |---|---|---|
//! | [`max_time`] | waits: in line, in pauses, between attempts. Not an attempt in flight, nor the line while nothing was refused yet | the last refusal |
//! | tower's `Timeout` below both layers, or the client's own | one attempt, to the answer's head (reqwest's: to the body's end) | an error |
//! | `tokio::time::timeout` around `oneshot` | everything but the body | an error |
//! | `tokio::time::timeout` around `oneshot` and the reading of the body | everything | an error |
//! | tower's `Timeout` around both layers | from the first permit on: **not the first wait in line** | an error |
//!
//! For a deadline that always holds, put the fourth around the call, and set `max_time` to less, so that a
//! refused request ends with the API's own answer:
//!
//! ```
//! # use std::convert::Infallible;
//! # use bytes::Bytes;
//! # use http::Response;
//! # use http_body_util::Full;
//! # use tokio::time::Instant;
//! use std::time::Duration;
//!
//! use http::Request;
//! use http_body_util::BodyExt as _;
//! use tokio::time::timeout;
//! use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! # let hangs = service_fn(async |_: Request<Full<Bytes>>| {
//! #     std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>().await
//! # });
//! # let start = Instant::now();
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new().max_time(Duration::from_secs(8)))
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(hangs);
//!
//! let answer = timeout(Duration::from_secs(10), async {
//!     let response = client.oneshot(Request::new(Full::default())).await?;
//!     response.into_body().collect().await
//! });
//! assert!(answer.await.is_err());
//! # assert_eq!(start.elapsed(), Duration::from_secs(10));
//! # }
//! ```
//!
//! A request that is dropped gives its place and its permit back at once. Its work at the server may go on.
//!
//! # What is never retried by default
//!
//! - Anything but a refusal: [`Preset`](crate::retry::Preset) adds the failures that usually pass.
//! - A `POST` without an `Idempotency-Key` after a late 408 or 5xx. A 503, 509 or 529 is a refusal, and is sent
//!   again; late, it may come from a gateway that gave up on a server at work. Late is more than two seconds
//!   and more than half of what an accepted answer usually takes.
//! - A request whose body can be read only once:
//!   [`NotSentAgain`](crate::retry::NotSentAgain) in the response says so.
//! - An answer whose body breaks off. The caller has a part of it.
//!
//! [`retry`](crate::retry#what-is-retried-and-what-is-not) has the whole table.
//!
//! [`max_attempts`]: crate::RetryOn429Layer::max_attempts
//! [`max_outage`]: crate::RetryOn429Layer::max_outage
//! [`max_server_wait`]: crate::RetryOn429Layer::max_server_wait
//! [`max_time`]: crate::RetryOn429Layer::max_time
//!
//! # How this is measured
//!
//! `cargo test --doc guide::failing` in the repository sends such requests on a paused clock, and fails if what
//! comes of them is not as above. Its code is in `src/guide/failing/measured.rs`.

#[cfg(doctest)]
mod measured;
