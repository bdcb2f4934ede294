//! Many requests, none of which anybody waits for alone: how to send them, and how to do so twice.
//!
//! # First: does the API have a batch endpoint?
//!
//! Some APIs take a file of requests and answer later, for less. OpenAI's [Batch API] and Anthropic's
//! [Message Batches] cost half of the usual price, have limits of their own, and answer within 24 hours, often within
//! one. If that is soon enough, use it, and not this page: a file up, a file down, and no rate limit between.
//!
//! Send the requests yourself if the answers are needed sooner or one by one, if they are streamed, if a later request
//! depends on an earlier answer, or if the API has no such endpoint. Then the limits of the usual endpoint hold, and
//! the layers of this crate keep to them.
//!
//! [Batch API]: https://platform.openai.com/docs/guides/batch
//! [Message Batches]: https://docs.claude.com/en/docs/build-with-claude/batch-processing
//!
//! # Five ways to write it
//!
//! All through a client with both layers, to a simulated API that works on five posts at a time, takes ten seconds for
//! each, and does not say so (`cargo run --example five_ways --features batch`):
//!
//! | 500 posts by | answers | seconds | refused | |
//! |---|--:|--:|--:|---|
//! | a loop | 500 | 4983 | 0 | one at a time |
//! | `join_all` | 500 | 1004 | 10 | all requests and all answers in memory, polled in one task |
//! | `buffered(64)` | 500 | 1004 | 10 | a number to choose; the slowest of the 64 holds the others up |
//! | `JoinSet` | 500 | 1004 | 10 | a task for each; all requests in memory |
//! | `Batch` | 500 | 1004 | 10 | a bounded number in memory; keys, bodies, errors and a resume |
//!
//! The gate makes four of them equally fast, so time is no reason to prefer one. [`Batch`] is for what is around it:
//! which answer belongs to which request, what became of the failed ones, how much memory is used, how far it is, and
//! what happens after a crash.
//!
//! # The code
//!
//! ```
//! # #[cfg(feature = "batch")]
//! # mod batch {
//! use futures_util::{StreamExt as _, stream};
//! use http::Request;
//! use tower_throttle::Batch;
//!
//! # use http::Response;
//! # type Client = tower::util::BoxCloneSyncService<Request<String>, Response<String>, std::convert::Infallible>;
//! # pub async fn send(client: Client, posts: Vec<(u64, String)>) {
//! let requests = posts.into_iter().map(|(id, text)| (id, Request::new(text)));
//! let mut results = Batch::new(&client).keyed().run(stream::iter(requests));
//! while let Some(result) = results.next().await {
//!     match result {
//!         Ok((id, response)) => println!("{id}: {:?}", response.body()),
//!         Err(error) => println!("{error}"),
//!     }
//! }
//! # }
//! # }
//! ```
//!
//! Requests that may fail to be built, or that are read from a file, are a stream of `Result`s:
//! [`try_run`] takes that, and an error is a result like any other.
//!
//! # What it costs
//!
//! | bound | measured | command |
//! |---|---|---|
//! | time: within 1 % of a task for each request | the same to a hundredth of a second, on four APIs, twelve seeds each | `cargo test --features batch --test compose makespan -- --nocapture` |
//! | memory: 20 MiB for a million requests | 5 MiB at the default [`ahead`] of 1,024, 4 MiB at 256, in order or not | `cargo run --release --example million --features batch` |
//! | after `kill -9`: at most `ahead` are sent twice | 16 of 2,000, with 16 ahead and all in flight | `cargo test --features journal --test compose kill -- --nocapture` |
//!
//! # In order
//!
//! [`ordered`] gives the results in the order of the requests. Answers that are there already wait for those before
//! them, and count as taken ahead. With the default of 1,024 ahead and requests of ten seconds, one that takes a minute
//! holds nobody up, unless more than a thousand others are answered meanwhile. A deadline for each request bounds it:
//! see [`QueueLayer`](crate::QueueLayer).
//!
//! # A batch that survives a crash
//!
//! `JsonLines`, with the feature `journal`, appends each accepted answer to a file. The same program, run again, sends
//! only what the file does not have, and gives all the answers:
//!
//! ```
//! # #[cfg(feature = "journal")]
//! # mod journal {
//! use std::collections::HashMap;
//!
//! use futures_util::{TryStreamExt as _, stream};
//! use http::{Request, Response};
//! use tower_throttle::Batch;
//! use tower_throttle::batch::JsonLines;
//!
//! # type Client = tower::util::BoxCloneSyncService<Request<String>, Response<String>, std::convert::Infallible>;
//! # pub async fn send(client: Client, posts: Vec<(u64, String)>) -> Result<(), Box<dyn std::error::Error>> {
//! let requests = posts.into_iter().map(|(id, text)| (id, Request::new(text)));
//! let answers: HashMap<u64, _> = Batch::new(&client)
//!     .keyed()
//!     .journal(JsonLines::open("answers.jsonl")?)
//!     .run(stream::iter(requests))
//!     .try_collect()
//!     .await?;
//! # drop(answers);
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! - Give keys that mean the same in each run. A number does, if the same requests come in the same order.
//! - What was in flight when the process ended is sent again, and was perhaps paid for. No more than that: an answer is
//!   recorded as soon as its body is read, also one that is held back in order.
//! - A refusal or another failure is not recorded, so it is sent again in the next run.
//! - A line that was torn is ignored. Nothing is removed from the file.
//! - When the journal fails, the answer is in the error ([`NotRecorded`]), and the batch goes on. To stop instead, close
//!   the batch at the first such error.
//! - What was recorded outlives the process without any `fsync`. For the end of the machine, choose a `Fsync`; a write
//!   and an `fsync` run in the batch's poll, so the latter costs a disk's time for each number of answers that is
//!   chosen.
//!
//! Another store is an implementation of [`Journal`].
//!
//! # To stop
//!
//! | what | taken, and waiting | in flight |
//! |---|---|---|
//! | [`close`] | not sent: each has the result [`NotSent`] | answered, retries included |
//! | the batch is dropped | not sent | given up; the API may have done the work |
//! | [`RetryHandle::close`](crate::retry::RetryHandle::close) | answered by the layer with a 503, and not accepted | answered, not retried |
//!
//! On Ctrl-C, close the batch by its [`handle`] and take the results until it ends. Then a journal has all that was
//! answered. A request that waits for another attempt counts as in flight; close the retry layer as well to end it
//! soon.
//!
//! # Beside interactive requests
//!
//! A batch shares the gate with whatever else the client sends. Put it into a class, so that nobody waits behind it:
//!
//! ```
//! # #[cfg(feature = "batch")]
//! # mod classes {
//! use tower_throttle::{Batch, Priority, ThrottleExt as _};
//!
//! # use http::{Request, Response};
//! # type Client = tower::util::BoxCloneSyncService<Request<String>, Response<String>, std::convert::Infallible>;
//! # pub fn batch(client: &Client) -> impl Sized {
//! let batch = Batch::new(&client.clone().priority(Priority::BATCH));
//! # batch
//! # }
//! # }
//! ```
//!
//! [`priorities`](super::priorities) has the figures.
//!
#![cfg_attr(
    feature = "batch",
    doc = "[`Batch`]: crate::Batch
[`ahead`]: crate::Batch::ahead
[`ordered`]: crate::Batch::ordered
[`try_run`]: crate::Batch::try_run
[`Journal`]: crate::batch::Journal
[`NotRecorded`]: crate::batch::BatchError::NotRecorded
[`NotSent`]: crate::batch::BatchError::NotSent
[`close`]: crate::batch::BatchHandle::close
[`handle`]: crate::batch::Results::handle"
)]
#![cfg_attr(
    not(feature = "batch"),
    doc = "[`Batch`]: https://docs.rs/tower-throttle/latest/tower_throttle/batch/struct.Batch.html
[`ahead`]: https://docs.rs/tower-throttle/latest/tower_throttle/batch/struct.Batch.html
[`ordered`]: https://docs.rs/tower-throttle/latest/tower_throttle/batch/struct.Batch.html
[`try_run`]: https://docs.rs/tower-throttle/latest/tower_throttle/batch/struct.Batch.html
[`Journal`]: https://docs.rs/tower-throttle/latest/tower_throttle/batch/trait.Journal.html
[`NotRecorded`]: https://docs.rs/tower-throttle/latest/tower_throttle/batch/enum.BatchError.html
[`NotSent`]: https://docs.rs/tower-throttle/latest/tower_throttle/batch/enum.BatchError.html
[`close`]: https://docs.rs/tower-throttle/latest/tower_throttle/batch/struct.BatchHandle.html
[`handle`]: https://docs.rs/tower-throttle/latest/tower_throttle/batch/struct.Results.html"
)]
