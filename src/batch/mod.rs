//! A batch: a stream of requests in, a stream of answers out. With the feature `batch`.
//!
//! [`Batch`] sends many requests through one client and gives each answer with its key, its body read. The client
//! decides how many are in flight, so there is nothing to set:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use futures_util::{TryStreamExt as _, stream};
//! use http::Request;
//! use tower::ServiceBuilder;
//! use tower_throttle::{AdaptiveConcurrencyLayer, Batch, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let http_client = tower::service_fn(async |request: Request<String>| {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(request.into_body()))
//! # });
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(http_client);
//!
//! let jobs = (0..500).map(|number| format!("post {number}"));
//! let requests = jobs.map(Request::new);
//! let answers: BTreeMap<usize, _> = Batch::new(&client)
//!     .run(stream::iter(requests))
//!     .try_collect()
//!     .await?;
//! assert_eq!(answers[&499].body(), "post 499");
//! # Ok(())
//! # }
//! ```
//!
//! `try_collect` ends with the first error, and drops the answers that it has. To keep them, take the results one by
//! one. With keys of one's own, in order, with a journal, and with progress:
//!
//! ```
//! # #[cfg(feature = "journal")]
//! # mod with_journal {
//! use futures_util::{StreamExt as _, stream};
//! use http::Request;
//! use tower_throttle::Batch;
//! use tower_throttle::batch::{BatchError, Fsync, JsonLines};
//!
//! # type Client = tower::util::BoxCloneSyncService<Request<String>, http::Response<String>, std::convert::Infallible>;
//! struct Post {
//!     id: String,
//!     text: String,
//! }
//!
//! # pub async fn send(client: Client, posts: Vec<Post>) -> std::io::Result<()> {
//! let requests = posts.into_iter().map(|post| (post.id, Request::new(post.text)));
//! let mut results = Batch::new(&client)
//!     .keyed()
//!     .ordered()
//!     .ahead(256)
//!     .max_body(1024 * 1024)
//!     .journal(JsonLines::open("answers.jsonl")?.fsync(Fsync::Every(100)))
//!     .on_progress(|progress| println!("{progress}"))
//!     .run(stream::iter(requests));
//! while let Some(result) = results.next().await {
//!     match result {
//!         Ok((id, response)) => println!("{id}: {} bytes", response.body().len()),
//!         Err(BatchError::NotAccepted { key, response }) => println!("{key}: {}", response.status()),
//!         Err(error) => println!("{error}"),
//!     }
//! }
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! # What it gives
//!
//! One result for each item that it takes from the stream: the key and the answer, or a [`BatchError`]. An answer that
//! is not [accepted](Batch::accept), by default any but a 2xx, is an error that has the answer in it. The batch goes on
//! after an error.
//!
//! The answer is an `http::Response<Bytes>` whatever the client is, as a body that nobody reads would hold a permit.
//! With reqwest, `reqwest::Response::from(response)` makes its own type of it again, with the URL.
//!
//! Without [`ordered`](Batch::ordered), results come in the order in which they are ready. The key says to which request
//! one belongs: its number in the stream, or a key of [one's own](Batch::keyed).
//!
//! # What it holds
//!
//! At most [`ahead`](Batch::ahead) requests are taken whose results were not handed over, whether they wait in line, are
//! in flight or are held back. That bounds the memory: a process that sends a million has 5 MiB at the default of 1,024
//! (`cargo run --release --example million --features batch`). It bounds the requests in flight as well, so an API that
//! works on more than half of that at a time needs a higher number.
//!
//! # Which clients
//!
//! Every tower service that is `Clone` and whose response is a [`HttpResponse`](crate::message::HttpResponse):
//! hyper-util's client, with the feature `reqwest` `reqwest::Client`, with `reqwest-middleware`
//! `ClientWithMiddleware` and so `ThrottleMiddleware` inside one; each with any layers around it, and any error.
//! Each request is sent by a clone of its own, so classes, deadlines and costs are those of the request: a
//! [`QueueLayer`](crate::QueueLayer) reads them from it, and [`priority`](crate::ThrottleExt::priority) puts the whole
//! batch into one class. [`cost`](Batch::cost) tells the gate what a request costs before it waits for its permit.
//!
//! # Who polls it
//!
//! Nothing is spawned: the requests go on while the results are polled, and only then. Each event wakes one request, not
//! all of them. Before a poll hands a result over, it sends whatever can be sent, so a consumer that takes a while for
//! each result keeps nobody waiting by that alone.
//!
//! A consumer that stays away keeps the permits of what is in flight until it comes back, and the batch goes no
//! faster than it is polled: with four in flight and a poll each second, four requests a second. Others that use the
//! same gate do not starve: a permit that the batch is granted while it is not polled is passed on after 10 ms
//! (`cargo test --features batch --test compose rarely_polled`). To be independent of a slow consumer, poll the batch
//! in a task of its own, and send the results through a channel that has room for as many as the consumer may be behind.
//!
//! It takes part in tokio's cooperative scheduling: a client that always answers at once does not keep a thread.
//!
//! # Panics
//!
//! A client that panics has its request dropped, and the panic passes through the poll. The stream can be polled again:
//! the other requests go on, and that one has no result.
//!
//! # Resuming
//!
//! A [`Journal`] records each accepted answer, and is asked for each request before it is sent: see `JsonLines`, with the
//! feature `journal`. [`guide::batch`](crate::guide::batch#a-batch-that-survives-a-crash) shows what happens when the
//! process is killed.

mod builder;
mod error;
mod handle;
mod job;
mod journal;
mod key;
mod order;
mod progress;
mod rate;
mod results;
mod run;
mod shared;
mod source;
mod work;

pub use self::builder::Batch;
pub use self::error::{BatchError, BodyTooLarge};
pub use self::handle::BatchHandle;
#[cfg(feature = "journal")]
pub use self::journal::{Fsync, JsonLines};
pub use self::journal::{Journal, NoJournal, Recalled};
pub use self::key::{ByIndex, ByRequest, InPairs, KeyOf};
pub use self::progress::Progress;
pub use self::results::Results;
pub use self::source::Requests;
pub use self::work::BatchResult;
