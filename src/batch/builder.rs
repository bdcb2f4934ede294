//! The builder.

use std::fmt;

use bytes::Bytes;
use http::Response;

use super::journal::NoJournal;
use super::key::{ByIndex, ByRequest, InPairs};
use super::progress::Progress;
use crate::cost::NoCost;

/// How many requests are taken ahead by default.
const AHEAD: usize = 1_024;
/// How many bytes of an answer's body are read by default.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// The default rule of what is accepted.
type AcceptFn = fn(&Response<Bytes>) -> bool;

/// Sends a stream of requests through one client, and gives a stream of the answers.
///
/// See the [module](super) for what it does. The settings, with their defaults:
///
/// | setting | default |
/// |---|---|
/// | [`ahead`](Self::ahead) | 1,024 requests |
/// | [`ordered`](Self::ordered) | results come in the order in which they are ready |
/// | [`keyed`](Self::keyed), [`key`](Self::key) | the key is the number of the request in the stream |
/// | [`accept`](Self::accept) | an answer with a status of 2xx |
/// | [`max_body`](Self::max_body) | 16 MiB |
/// | [`cost`](Self::cost) | no cost is announced |
/// | [`journal`](Self::journal) | nothing is recorded |
/// | [`on_progress`](Self::on_progress) | nobody is told |
///
/// `S` is the client, `K` tells the keys, `C` the costs, `A` what is accepted; `P` hears of progress, and `J` is the
/// journal.
#[derive(Clone)]
#[must_use = "a batch does nothing until it is run and the results are polled"]
pub struct Batch<S, K = ByIndex, C = NoCost, A = AcceptFn, P = fn(&Progress), J = NoJournal> {
    pub(super) client: S,
    pub(super) settings: Settings,
    pub(super) key: K,
    pub(super) cost: C,
    pub(super) accept: A,
    pub(super) on_progress: Option<P>,
    pub(super) journal: J,
}

/// What is no closure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) ahead: usize,
    pub(super) max_body: usize,
    pub(super) in_order: bool,
}

impl<S: Clone> Batch<S> {
    /// Makes a batch with the defaults. Each request is sent by a clone of the client.
    pub fn new(client: &S) -> Self {
        Self {
            client: client.clone(),
            settings: Settings {
                ahead: AHEAD,
                max_body: MAX_BODY,
                in_order: false,
            },
            key: ByIndex,
            cost: NoCost,
            accept: |response| response.status().is_success(),
            on_progress: None,
            journal: NoJournal,
        }
    }
}

impl<S, K, C, A, P, J> Batch<S, K, C, A, P, J> {
    /// Gives the results in the order of the requests.
    ///
    /// An answer is held back until all before it are there. Those held back count as taken
    /// [`ahead`](Self::ahead), so a request that takes very long can bring the batch to a halt until it is
    /// answered.
    pub fn ordered(mut self) -> Self {
        self.settings.in_order = true;
        self
    }

    /// Sets how many requests are taken from the stream whose results were not handed over yet: 1,024 by default.
    ///
    /// It bounds the memory, with [`max_body`](Self::max_body) for each, and the number of requests in flight. So it
    /// should be twice the number that the API works on at a time, and in order more. Zero counts as one: each request then waits for the result before it
    /// to be taken.
    pub const fn ahead(mut self, ahead: usize) -> Self {
        self.settings.ahead = if ahead == 0 { 1 } else { ahead };
        self
    }

    /// Sets how many bytes of an answer's body are read: 16 MiB by default.
    ///
    /// A longer body is dropped, and the result is [`Body`](super::BatchError::Body) with a
    /// [`BodyTooLarge`](super::BodyTooLarge).
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.settings.max_body = bytes;
        self
    }

    /// Takes pairs of a key and a request from the stream.
    ///
    /// ```
    /// use futures_util::{TryStreamExt as _, stream};
    /// use tower_throttle::batch::Batch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = tower::service_fn(async |request: http::Request<String>| {
    /// #     Ok::<_, std::convert::Infallible>(http::Response::new(request.into_body()))
    /// # });
    /// let posts = [("post-1", "hello"), ("post-2", "world")];
    /// let requests = posts.map(|(id, text)| (id, http::Request::new(String::from(text))));
    ///
    /// let batch = Batch::new(&client).keyed().run(stream::iter(requests));
    /// let answers: std::collections::HashMap<_, _> = batch.try_collect().await?;
    /// assert_eq!(answers["post-2"].body(), "world");
    /// # Ok(())
    /// # }
    /// ```
    pub fn keyed(self) -> Batch<S, InPairs, C, A, P, J> {
        self.with_key(InPairs)
    }

    /// Sets the closure that makes the key of a request: `key(|request: &Request<String>| ..)`. Its argument needs a type.
    pub fn key<F>(self, key: F) -> Batch<S, ByRequest<F>, C, A, P, J> {
        self.with_key(ByRequest(key))
    }

    fn with_key<K2>(self, key: K2) -> Batch<S, K2, C, A, P, J> {
        Batch {
            client: self.client,
            settings: self.settings,
            key,
            cost: self.cost,
            accept: self.accept,
            on_progress: self.on_progress,
            journal: self.journal,
        }
    }

    /// Announces to the gate what a request costs, before it waits for a permit: a closure, or
    /// [`FromExtensions`](crate::cost::FromExtensions).
    ///
    /// The gate then waits until its quotas have room for this cost, and reserves no more. Give the same to
    /// [`AdaptiveConcurrencyLayer::cost`](crate::AdaptiveConcurrencyLayer::cost), which charges it.
    pub fn cost<C2>(self, cost: C2) -> Batch<S, K, C2, A, P, J> {
        Batch {
            client: self.client,
            settings: self.settings,
            key: self.key,
            cost,
            accept: self.accept,
            on_progress: self.on_progress,
            journal: self.journal,
        }
    }

    /// Sets which answers are accepted: by default those with a status of 2xx.
    ///
    /// The others have the result [`NotAccepted`](super::BatchError::NotAccepted), count as failed, and are not
    /// recorded.
    pub fn accept<A2>(self, accept: A2) -> Batch<S, K, C, A2, P, J>
    where
        A2: FnMut(&Response<Bytes>) -> bool,
    {
        Batch {
            client: self.client,
            settings: self.settings,
            key: self.key,
            cost: self.cost,
            accept,
            on_progress: self.on_progress,
            journal: self.journal,
        }
    }

    /// Calls a closure after each result, and once for all requests that are given up when the batch is closed.
    ///
    /// It runs within the batch's poll, so it should be quick. If it panics, the panic passes through the poll, and
    /// the result is not lost: the next poll gives it.
    pub fn on_progress<P2>(self, on_progress: P2) -> Batch<S, K, C, A, P2, J>
    where
        P2: FnMut(&Progress),
    {
        Batch {
            client: self.client,
            settings: self.settings,
            key: self.key,
            cost: self.cost,
            accept: self.accept,
            on_progress: Some(on_progress),
            journal: self.journal,
        }
    }

    /// Records the accepted answers, and sends no request whose answer was recorded before.
    ///
    /// Such an answer is a result like any other, with the mark [`Recalled`](super::Recalled) among its extensions.
    pub fn journal<J2>(self, journal: J2) -> Batch<S, K, C, A, P, J2> {
        Batch {
            client: self.client,
            settings: self.settings,
            key: self.key,
            cost: self.cost,
            accept: self.accept,
            on_progress: self.on_progress,
            journal,
        }
    }
}

impl<S, K, C, A, P, J> fmt::Debug for Batch<S, K, C, A, P, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
