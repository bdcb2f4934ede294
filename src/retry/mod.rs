//! Retries of refused requests.
//!
//! [`RetryOn429`] sends a request again that the server refused for now: a 429, a 503, and the
//! others that [`Hint`](crate::Hint) takes for a refusal. It waits as long as the server asks, or else
//! by a jittered exponential backoff, and it holds back the other requests meanwhile.
//!
//! By default:
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_throttle::RetryOn429Layer;
//! use tower_throttle::retry::Attempts;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), std::convert::Infallible> {
//! # let refused = std::sync::atomic::AtomicBool::new(false);
//! # let refused = std::sync::Arc::new(refused);
//! # let client = tower::service_fn(move |_: Request<Full<Bytes>>| {
//! #     let first = !refused.swap(true, std::sync::atomic::Ordering::SeqCst);
//! #     let status = if first { 429 } else { 200 };
//! #     let response = Response::builder().status(status).body(Full::<Bytes>::default());
//! #     std::future::ready(Ok::<_, std::convert::Infallible>(response.unwrap()))
//! # });
//! let mut client = ServiceBuilder::new().layer(RetryOn429Layer::new()).service(client);
//!
//! let request = Request::post("https://api.test/v1/posts").body(Full::from("hello")).unwrap();
//! let response = client.ready().await?.call(request).await?;
//! println!("{} after {} attempts", response.status(), Attempts::of(response.extensions()).get());
//! # assert_eq!(Attempts::of(response.extensions()).get(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! Customised:
//!
//! ```
//! use std::time::Duration;
//!
//! use http::HeaderName;
//! use tower_throttle::RetryOn429Layer;
//! use tower_throttle::retry::{Backoff, IdempotencyKey, Jitter, RetryBudget, retry_server_errors};
//!
//! let layer = RetryOn429Layer::new()
//!     .max_attempts(8)
//!     .max_elapsed(Duration::from_secs(60))
//!     .max_server_wait(Duration::from_secs(30))
//!     .backoff(
//!         Backoff::exponential(Duration::from_millis(200), Duration::from_secs(10))
//!             .jitter(Jitter::Equal),
//!     )
//!     .budget(RetryBudget::new(100))
//!     .classify(retry_server_errors())
//!     .idempotency_key(IdempotencyKey::Bare)
//!     .attempt_header(HeaderName::from_static("x-attempt"));
//! # let _ = layer;
//! ```
//!
//! # What is retried, and what is not
//!
//! | what happens | by default | can be switched on | why |
//! |---|---|---|---|
//! | a [refusal](crate::hint#what-decides): 429, 503, 529, 509, 498, 425, 420, 408; any other 4xx on evidence | any method | | the server says that it did not do the work |
//! | ... for good: a permanent code in its body (`insufficient_quota` and similar ones), `x-should-retry: false`, a wait of more than [`max_server_wait`](RetryOn429Layer::max_server_wait) | no | no, but the cap can be raised | it will not pass, or not soon |
//! | any other 5xx but 501 and 505 | no | idempotent methods: [`Preset`] (500, 502, 504), [`retry_server_errors`] | the work may be done |
//! | no connection; HTTP/2: `REFUSED_STREAM`, or a `GOAWAY` that excludes the stream | no | any method: [`Preset`], [`retry_unprocessed`] | the work was not begun, but that only the client's own error tells |
//! | the connection breaks before the answer's head | no | idempotent methods: [`Preset`], [`retry_errors`] | the work may be done |
//! | time runs out before the answer's head | no | idempotent methods: [`retry_errors`] | the work may be done |
//! | an accepted answer's body breaks off, or stalls | no | no | the caller has a part of it |
//!
//! A request with an `Idempotency-Key` may be repeated whatever its method;
//! [`idempotency_key`](RetryOn429Layer::idempotency_key) adds one. `tests/faults/README.md` in the
//! repository shows the same fault by fault, over real sockets (`cargo test -p faults`).
//!
//! To retry the failures that usually pass as well, for requests that may be repeated. [`Preset`] knows I/O
//! errors without a feature; for hyper's errors and those of hyper-util's client switch the feature `hyper-util` on,
//! and for those of HTTP/2 the feature `http2`:
//!
//! ```
//! use tower_throttle::RetryOn429Layer;
//! use tower_throttle::retry::Preset;
//!
//! let layer = RetryOn429Layer::new().classify(Preset::idempotent_failures());
//! # let _ = layer;
//! ```
//!
//! hyper-util's client also has a retry of its own: if a pooled connection turns out to be closed before
//! a request is written to it, the client sends the request on another. This layer sees one attempt. The
//! same holds when reqwest's client sends again what HTTP/2 refused.
//!
//! The request's body must be one that can be copied ([`TryCloneBody`]). `Clone` bodies are; wrap a
//! stream in a [`ReplayBody`], which keeps what was read up to a cap, or in [`SingleUse`], which
//! gives the request one attempt. A `reqwest::Request` can be copied if its body is in memory; for streams
//! there is [`buffer_bodies`](RetryOn429Layer::buffer_bodies). If an answer would have been retried, but no
//! copy could be made, [`NotSentAgain`] in the answer's extensions says so:
//!
//! ```
//! use tower_throttle::hint::Hint;
//! use tower_throttle::message::Unsent;
//! use tower_throttle::retry::{Attempts, NotSentAgain};
//!
//! fn why<B>(response: &http::Response<B>) {
//!     let marks = response.extensions();
//!     println!("sent {} times", Attempts::of(marks).get());
//!     if let Some(unsent) = Unsent::of(marks) {
//!         println!("answered by a layer, not by the server: {:?}", unsent.cause());
//!     }
//!     if let Some(reason) = NotSentAgain::of(marks) {
//!         println!("not sent again: {reason:?}");
//!     }
//!     if let Some(wait) = Hint::of(marks).and_then(Hint::wait) {
//!         println!("the API asks for {wait:?}");
//!     }
//! }
//! # why(&http::Response::new(()));
//! ```
//!
//! [`on_refusal`](RetryOn429Layer::on_refusal) takes a hook that can await: to fetch a new token after
//! a 401, and have the request sent again with it.
//!
//! Requests of other types than those of the `http` crate and reqwest need a way to be copied:
//! [`clone_request`](RetryOn429Layer::clone_request) takes a closure.
//!
//! # How long it waits
//!
//! The wait that the server asks for is a floor. Up to a tenth of it, at most one second, is added at
//! random, so that requests do not wake in step. If the request's own backoff is longer, the backoff
//! counts. The pause is shared: `poll_ready` of every service of the layer, and all other retries, wait
//! until the same moment, each with a random addition of its own. No request is held longer than
//! `max_server_wait` by the refusals of others.
//!
//! With an [`AdaptiveConcurrencyLayer`](crate::AdaptiveConcurrencyLayer) below, the gate pauses and
//! paces instead: a retry waits as long as the server asks, or else for a backoff of up to two seconds.
//! Then it takes its old place in the gate's line. From the fourth refusal on, each one moves it half-way
//! to the end of the line, and from the seventh on it goes to the end.
//!
//! # What ends it
//!
//! [`max_attempts`](RetryOn429Layer::max_attempts), [`max_time`](RetryOn429Layer::max_time),
//! [`max_elapsed`](RetryOn429Layer::max_elapsed), [`max_outage`](RetryOn429Layer::max_outage), the
//! [`budget`](RetryOn429Layer::budget). None of them is an error: the caller gets the last answer
//! with its body whole, and with [`Attempts`] and [`Hint`](crate::Hint) in its extensions. An error
//! of the inner service is returned as it is; so is one that its `poll_ready` gives before a retry.
//!
//! A late refusal is no proof that nothing was done: a 408 or a 5xx that came
//! after more than two seconds, and more than half of what an answer usually takes, ends a `POST` without
//! an `Idempotency-Key`. A 429 is taken at its word however late it comes (RFC 6585, section 4).
//!
//! # The circuit breaker
//!
//! The layer keeps the last refusal, its head and up to 64 KiB of its body. When the API serves nobody, the
//! circuit breaker opens. While it is open, requests are answered with a copy of that refusal, without being
//! sent: new requests, and those that wait in line, in a pause or for another attempt.
//! [`circuit_breaker(false)`](RetryOn429Layer::circuit_breaker) switches it off.
//!
//! It opens
//!
//! - when nothing was accepted for [`max_outage`](RetryOn429Layer::max_outage), 5 minutes by default. The
//!   time counts from the first refusal, and stands still while no refused request waits for another
//!   attempt;
//! - when two requests in a row are refused for good, with nothing accepted between: by a permanent code
//!   (`insufficient_quota`), or by a wait above [`max_server_wait`](RetryOn429Layer::max_server_wait). A
//!   refusal that names the request, as too large for any quota, does not count. Requests of another kind
//!   (method, authority, path and credential) are not answered on account of these: one request of them at a time is
//!   sent as a probe, until eight kinds were refused for good. If one of them turns out to be served, it
//!   takes twice as many refusals in a row to open the circuit breaker the next time, up to 64.
//!
//! While it is open, it lets one request at a time through as a probe (other crates call that half-open). If
//! the server told a time, the probe is sent then, or after an hour if that is earlier. If not, the first
//! probe is sent after a second, and each further one after twice as long as the one before, up to a minute.
//! The layer makes no probe of its own: the next request that comes is the probe. A probe that has no answer
//! after a minute holds back no other. One accepted request, of whatever kind, closes the circuit breaker.
//!
//! So after a `Retry-After: 3600` a kind of request that was refused is not tried for an hour, even if the
//! API is back sooner. A request of another kind that is served closes the circuit breaker; so does a new
//! layer, which begins closed.
//!
//! A copy carries [`Unsent`](crate::message::Unsent) in its extensions, an [`Attempts`] that counts only
//! what was sent (0 if nothing was), and a [`Hint`](crate::Hint) with what is left of the wait. Of the
//! headers, `set-cookie` and `transfer-encoding` are dropped, and a `content-length` that is not the
//! copy's; the others, `date` and request ids among them, are those of the answer that was copied.
//!
//! Errors cannot be copied. Where only errors are retried, nothing opens the circuit breaker, and after an
//! outage each request ends with its own next error.
//!
//! The circuit breaker belongs to the layer. Use one layer for each API key, or for each model if each has
//! a quota of its own.
//!
//! [`RetryOn429Layer::handle`] shows whether it is open.
//!
//! # Shutdown
//!
//! [`RetryHandle::close`] ends a program in order: what is in flight goes on to its end, nothing else is
//! sent. [`RetryHandle`] shows how to wait for the rest.
//!
//! # Connections, and the time of an attempt
//!
//! A refused answer is dropped before the wait, so it holds no connection and no permit. A part of
//! its body is read first ([`drain`](RetryOn429Layer::drain)), so that the connection can be used
//! again. Dropping the response future ends everything at once.
//!
//! The time of an attempt is not bounded here. Put `tower`'s `Timeout` below this layer, and below the gate,
//! to bound an attempt. Around this layer, a `Timeout` bounds a request from its call on, but not its first
//! wait in line, which is in `poll_ready`; [`max_time`](RetryOn429Layer::max_time) counts that too. See the
//! [guide](crate::guide::order#timeouts).
//!
//! [`TryCloneBody`]: crate::message::TryCloneBody

mod attempts;
mod backoff;
mod body;
mod budget;
mod circuit;
mod classify;
mod clone;
mod drain;
mod finish;
mod follow_up;
mod future;
mod handle;
mod hook;
mod idempotency;
mod judge;
mod last_refusal;
mod latency;
mod layer;
mod not_sent_again;
mod pause;
mod pending;
mod policy;
mod preset;
mod replay;
mod service;
mod shared;
mod state;
mod time;

pub use attempts::Attempts;
pub use backoff::{Backoff, Jitter};
pub use body::ResponseBody;
pub use budget::RetryBudget;
pub use classify::{
    Classify, Decision, Errors, Head, RefusalsOnly, ServerErrors, retry_errors,
    retry_server_errors, retry_unprocessed,
};
pub use clone::{CloneRequest, Replay};
pub use future::ResponseFuture;
pub use handle::RetryHandle;
pub use hook::{NoHook, OnRefusal, Refusal};
pub use idempotency::IdempotencyKey;
pub use layer::RetryOn429Layer;
pub use not_sent_again::NotSentAgain;
pub use preset::Preset;
pub use replay::{ReplayBody, ReplayError, SingleUse};
pub use service::RetryOn429;
