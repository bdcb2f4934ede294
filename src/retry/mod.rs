//! Retries of refused requests.
//!
//! [`RetryOn429`] sends a request again that the server refused for now: a 429, a 503, and the
//! others that [`Hint`](crate::Hint) takes for a refusal. It waits as long as the server asks, and
//! by a jittered exponential backoff otherwise, and it tells everybody else to wait as well.
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
//! | ... for good: a permanent code in its body (`insufficient_quota` and its kin), `x-should-retry: false`, a wait of more than [`max_server_wait`](RetryOn429Layer::max_server_wait) | no | no, but the cap can be raised | it will not pass, or not soon |
//! | any other 5xx but 501 and 505 | no | idempotent methods: [`Preset`] (500, 502, 504), [`retry_server_errors`] | the work may be done |
//! | no connection; HTTP/2: `REFUSED_STREAM`, or a `GOAWAY` that excludes the stream | no | any method: [`Preset`], [`retry_unprocessed`] | the work was not begun, but that only the client's own error tells |
//! | the connection breaks before the answer's head | no | idempotent methods: [`Preset`], [`retry_errors`] |
//! | time runs out before the answer's head | no | idempotent methods: [`retry_errors`] | the work may be done |
//! | an accepted answer's body breaks off, or stalls | no | no | the caller has a part of it |
//!
//! A request with an `Idempotency-Key` may be repeated whatever its method;
//! [`idempotency_key`](RetryOn429Layer::idempotency_key) adds one. `tests/faults/README.md` in the
//! repository shows the same fault by fault, as seen over real sockets.
//!
//! The failures that usually pass, with any client's errors:
//!
//! ```
//! use tower_throttle::RetryOn429Layer;
//! use tower_throttle::retry::Preset;
//!
//! let layer = RetryOn429Layer::new().classify(Preset::idempotent_failures());
//! # let _ = layer;
//! ```
//!
//! hyper-util's client also has a retry of its own: what it had not begun to write when a connection of
//! its pool turned out to be closed, it sends on another. To this layer that is one attempt. So it is when
//! reqwest's client sends again what HTTP/2 refused.
//!
//! The request's body must be one that can be copied ([`TryCloneBody`]). `Clone` bodies are; wrap a
//! stream in a [`ReplayBody`], which keeps what was read up to a cap, or in [`SingleUse`], which
//! gives the request one attempt. A `reqwest::Request` can be copied if its body is in memory; for streams
//! there is [`buffer_bodies`](RetryOn429Layer::buffer_bodies). Where a retry fails for want of a copy,
//! [`NotSentAgain`] in the answer's extensions says so.
//!
//! [`on_refusal`](RetryOn429Layer::on_refusal) takes a hook that can await: to fetch a new token after
//! a 401, and have the request sent again with it.
//!
//! Requests of other types than those of the `http` crate and reqwest need a way to be copied:
//! [`clone_request`](RetryOn429Layer::clone_request) takes a closure.
//!
//! # How long it waits
//!
//! What the server asks for is a floor. On top comes up to a tenth of it, at most one second, so
//! that nobody wakes in step; and if the own backoff has grown beyond that, it counts. The pause is
//! shared: `poll_ready` of every service of the layer, and the retries of all others, wait until
//! the same moment, each with an addition of its own. Nobody is held longer than `max_server_wait`
//! by what others were told.
//!
//! With an [`AdaptiveConcurrencyLayer`](crate::AdaptiveConcurrencyLayer) below, the gate pauses and
//! paces instead: a retry waits as long as the server asks, or a backoff of up to two seconds, and
//! then takes the place in the gate's line that it had. After three refusals it moves half-way to the
//! end of the line with each further one.
//!
//! # What ends it
//!
//! [`max_attempts`](RetryOn429Layer::max_attempts), [`max_time`](RetryOn429Layer::max_time),
//! [`max_elapsed`](RetryOn429Layer::max_elapsed), [`max_outage`](RetryOn429Layer::max_outage), the
//! [`budget`](RetryOn429Layer::budget). None of them is an error: the caller gets the last answer
//! with its body whole, and with [`Attempts`] and [`Hint`](crate::Hint) in its extensions. An error
//! of the inner service is returned as it is; so is one that its `poll_ready` gives before a retry.
//!
//! A refusal that took as long as work takes is no proof that nothing was done: a 408 or a 5xx that came
//! after more than two seconds, and more than half of what an answer usually takes, ends a `POST` without
//! an `Idempotency-Key`. A 429 is taken at its word however late it comes (RFC 6585, section 4).
//!
//! # The circuit
//!
//! Who cannot be served is told at once, and by the API's own last word. The layer keeps the last refusal,
//! its head and up to 64 KiB of its body. When the API serves nobody, the circuit opens, and requests
//! are answered with a copy of that refusal, without being sent: those that come, and those that wait in
//! line, in a pause or for another attempt.
//!
//! It opens
//!
//! - when nothing was accepted for [`max_outage`](RetryOn429Layer::max_outage), 5 minutes by default, since
//!   the first refusal through the layer. Time in which no refused request waits for another attempt does
//!   not count;
//! - when two requests in a row are refused for good, with nothing accepted between: by a permanent code
//!   (`insufficient_quota`), or by a wait above [`max_server_wait`](RetryOn429Layer::max_server_wait). A
//!   refusal that names the request, as too large for any quota, does not count. Requests of another kind
//!   (method, authority and path) are not told on account of these: one at a time goes and sees, until eight
//!   kinds were refused for good. Where any turns out to be served, it takes twice as many the next time.
//!
//! While it is open, one request at a time goes as a probe: when the server said that it would serve again,
//! at the latest after an hour, else after a second, then after twice as long, up to a minute. No probe
//! is made up: it is the next request that comes. One that has no answer after a minute keeps nobody from
//! going any more. One acceptance closes the circuit.
//!
//! A copy carries [`Unsent`](crate::message::Unsent) in its extensions, an [`Attempts`] that counts only
//! what was sent (0 if nothing was), and a [`Hint`](crate::Hint) with what is left of the wait. Of the
//! headers, `set-cookie` and `transfer-encoding` are dropped, and a `content-length` that is not the
//! copy's; the others, `date` and request ids among them, are those of the answer that was copied.
//!
//! Errors cannot be copied. Where only errors are retried, nothing opens the circuit, and after an outage
//! each request ends with its own next error.
//!
//! Use one layer for each API key, or for each model if each has a quota of its own: the circuit is the
//! layer's.
//!
//! [`RetryOn429Layer::handle`] shows whether it is open, and [`RetryHandle::close`] ends a program in
//! order: what is in flight ends, nothing else is sent.
//!
//! A refused answer is dropped before the wait, so no connection and no permit hang on it. A part of
//! its body is read first ([`drain`](RetryOn429Layer::drain)), so that the connection can be used
//! again. Dropping the response future ends everything at once.
//!
//! The time of an attempt is not bounded here. Put `tower`'s `Timeout` below this layer to bound an
//! attempt. Around it, a `Timeout` bounds a request from its call on, and not its first wait in line, which
//! is in `poll_ready`; [`max_time`](RetryOn429Layer::max_time) counts that too. See the
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
mod future;
mod handle;
mod hook;
mod idempotency;
mod judge;
mod last_refusal;
mod latency;
mod layer;
mod next;
mod not_sent_again;
mod pause;
mod plan;
mod policy;
mod preset;
mod replay;
mod service;

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
