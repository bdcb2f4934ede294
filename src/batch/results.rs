//! The stream of results.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{FusedStream, Stream};
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::task::coop;
use tower_service::Service;

use super::builder::Batch;
use super::error::{BatchError, BoxError};
use super::handle::BatchHandle;
use super::job::BodyOf;
use super::journal::Journal;
use super::key::KeyOf;
use super::progress::Progress;
use super::shared::Shared;
use super::work::{BatchResult, Work};
use crate::cost::CostOf;
use crate::message::HttpResponse;

/// How many requests are taken before they are sent.
const AT_ONCE: usize = 32;

pin_project! {
    /// The results of a [`Batch`], as a stream.
    ///
    /// It gives one [`BatchResult`] for each item that it took from the stream of requests, and then ends. It is
    /// `Send` if the client with its futures, the stream and the closures are, and `Unpin` if the stream is.
    ///
    /// `S` is the client, `Req` what it is sent, `K` the type of the keys, `St` the stream of requests, and `B` the
    /// batch with its settings.
    ///
    /// # Cancel safety
    ///
    /// A poll that is not repeated loses nothing, so `next` can stand in a `tokio::select!`. When the stream is
    /// dropped, its requests are too, with their permits and places in line. What was sent may have been done.
    #[must_use = "streams do nothing unless polled"]
    pub struct Results<S, Req, K, St, B>
    where
        S: Service<Req>,
        S::Response: HttpResponse,
    {
        // `None` when it has ended, or the batch was closed.
        #[pin]
        requests: Option<St>,
        work: Work<S, Req, K, B>,
        // Whether it was closed, and has given up what waited.
        is_closing: bool,
        is_over: bool,
    }
}

impl<S, Req, K, St, B> Results<S, Req, K, St, B>
where
    S: Service<Req>,
    S::Response: HttpResponse,
{
    /// Returns a handle, which shows the progress and closes the batch while another task polls it.
    #[must_use]
    pub fn handle(&self) -> BatchHandle {
        BatchHandle::new(Arc::clone(self.work.shared()))
    }

    /// Returns how far the batch is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.work.shared().progress()
    }

    /// Closes the batch: see [`BatchHandle::close`].
    pub fn close(&self) {
        self.work.shared().close();
    }
}

impl<S, St, K, C, A, P, J, Item, X> Results<S, K::Request, K::Key, St, Batch<S, K, C, A, P, J>>
where
    St: Stream<Item = Result<Item, X>>,
    X: Into<BoxError>,
    K: KeyOf<Item>,
    C: CostOf<K::Request>,
    A: FnMut(&Response<Bytes>) -> bool,
    P: FnMut(&Progress),
    J: Journal<K::Key>,
    S: Service<K::Request> + Clone,
    S::Response: HttpResponse,
    <BodyOf<S::Response> as Body>::Error: Into<BoxError>,
{
    pub(super) fn new(batch: Batch<S, K, C, A, P, J>, requests: St) -> Self {
        let shared = Arc::new(Shared::default());
        shared.has_left(left(&requests));
        Self {
            requests: Some(requests),
            work: Work::new(batch, shared),
            is_closing: false,
            is_over: false,
        }
    }

    /// Ends what has not begun, if the batch was closed.
    fn poll_closed(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut this = self.project();
        if !*this.is_closing && this.work.shared().poll_closed(cx.waker()) {
            *this.is_closing = true;
            this.requests.set(None);
            this.work.shared().has_left(Some(0));
            this.work.give_up_waiting();
        }
    }

    /// Takes a number of requests from the stream, if there is room. Returns whether there may be more.
    ///
    /// Not all at once, and each time a unit of tokio's budget: a stream that always has one more must not keep the
    /// thread for itself, nor use up the budget before those that were taken are sent.
    fn take(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(budget) = coop::poll_proceed(cx) else {
            return false;
        };
        let mut this = self.project();
        for _ in 0..AT_ONCE {
            let Some(requests) = this.requests.as_mut().as_pin_mut() else {
                return false;
            };
            if !this.work.has_room() {
                return false;
            }
            let Poll::Ready(item) = requests.poll_next(cx) else {
                return false;
            };
            budget.made_progress();
            let Some(item) = item else {
                this.requests.set(None);
                this.work.shared().has_left(Some(0));
                return false;
            };
            let left = this.requests.as_ref().as_pin_ref();
            let left = left.and_then(|requests| self::left(requests.get_ref()));
            this.work.shared().took(left);
            this.work.begin(item.map_err(Into::into));
        }
        true
    }
}

/// How many items a stream still has, if it says so.
fn left<St: Stream>(stream: &St) -> Option<u64> {
    let (least, most) = stream.size_hint();
    most.filter(|most| *most == least).map(|most| most as u64)
}

impl<S, St, K, C, A, P, J, Item, X> Stream
    for Results<S, K::Request, K::Key, St, Batch<S, K, C, A, P, J>>
where
    St: Stream<Item = Result<Item, X>>,
    X: Into<BoxError>,
    K: KeyOf<Item>,
    C: CostOf<K::Request>,
    A: FnMut(&Response<Bytes>) -> bool,
    P: FnMut(&Progress),
    J: Journal<K::Key>,
    S: Service<K::Request> + Clone,
    S::Response: HttpResponse,
    <BodyOf<S::Response> as Body>::Error: Into<BoxError>,
{
    type Item = BatchResult<K::Key, S::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        // A client that always answers at once must not keep the thread for itself either.
        let budget = ready!(coop::poll_proceed(cx));
        self.work.shared().begin();
        loop {
            self.as_mut().poll_closed(cx);
            let has_more = self.as_mut().take(cx);
            let this = self.as_mut().project();
            // All that can be sent is sent before a result is handed over, as the next poll may come late.
            if this.work.poll_woken(cx) || has_more {
                continue;
            }
            if let Some(result) = this.work.hand_over() {
                budget.made_progress();
                return Poll::Ready(Some(result));
            }
            if this.work.is_pending() || this.requests.is_some() {
                return Poll::Pending;
            }
            *this.is_over = true;
            let synced = this.work.sync();
            return Poll::Ready(synced.err().map(|error| Err(BatchError::Sync { error })));
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.is_over {
            return (0, Some(0));
        }
        let to_come = match &self.requests {
            Some(requests) => requests.size_hint().1,
            None => Some(0),
        };
        // Less if the batch is closed or a client panics; one more if the journal fails in the end.
        let most = to_come.and_then(|most| most.checked_add(self.work.taken() + 1));
        (0, most)
    }
}

impl<S, St, K, C, A, P, J, Item, X> FusedStream
    for Results<S, K::Request, K::Key, St, Batch<S, K, C, A, P, J>>
where
    St: Stream<Item = Result<Item, X>>,
    X: Into<BoxError>,
    K: KeyOf<Item>,
    C: CostOf<K::Request>,
    A: FnMut(&Response<Bytes>) -> bool,
    P: FnMut(&Progress),
    J: Journal<K::Key>,
    S: Service<K::Request> + Clone,
    S::Response: HttpResponse,
    <BodyOf<S::Response> as Body>::Error: Into<BoxError>,
{
    fn is_terminated(&self) -> bool {
        self.is_over
    }
}

impl<S, Req, K, St, B> fmt::Debug for Results<S, Req, K, St, B>
where
    S: Service<Req>,
    S::Response: HttpResponse,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results")
            .field("progress", &self.progress())
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}
