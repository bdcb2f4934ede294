//! The requests of a batch that were taken, and their results.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, Stream};
use http::Response;
use http_body::Body;
use tower_service::Service;

use super::builder::Batch;
use super::error::{BatchError, BoxError};
use super::job::{BodyOf, Ended, Job, Outcome};
use super::journal::{Journal, Recalled};
use super::key::KeyOf;
use super::order::Output;
use super::progress::Progress;
use super::shared::{Counted, End, Shared};
use crate::cost::CostOf;
use crate::message::HttpResponse;

/// What a batch gives for each request: its key and its answer, whose body was read, or why there is none.
pub type BatchResult<K, E> = Result<(K, Response<Bytes>), BatchError<K, E>>;

/// All of a batch but its stream of requests.
pub(super) struct Work<S, Req, K, B>
where
    S: Service<Req>,
    S::Response: HttpResponse,
{
    batch: B,
    shared: Arc<Shared>,
    next_index: usize,
    jobs: FuturesUnordered<Job<S, Req, K>>,
    /// How many of the jobs were given up, and never end.
    given_up: usize,
    output: Output<BatchResult<K, S::Error>>,
}

impl<S, Req, K, B> Work<S, Req, K, B>
where
    S: Service<Req>,
    S::Response: HttpResponse,
{
    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whether requests have no result yet. One whose client panicked is gone.
    pub(super) fn is_pending(&self) -> bool {
        self.jobs.len() > self.given_up
    }

    /// How many requests were taken whose results were not handed over.
    pub(super) fn taken(&self) -> usize {
        self.jobs.len() - self.given_up + self.output.len()
    }

    /// The next result, if it is there.
    pub(super) fn hand_over(&mut self) -> Option<BatchResult<K, S::Error>> {
        if !self.is_pending() {
            self.output.skip_missing();
        }
        let result = self.output.pop()?;
        self.shared.handed_over();
        Some(result)
    }
}

impl<S, K, C, A, P, J, Req, Key> Work<S, Req, Key, Batch<S, K, C, A, P, J>>
where
    C: CostOf<Req>,
    A: FnMut(&Response<Bytes>) -> bool,
    P: FnMut(&Progress),
    J: Journal<Key>,
    S: Service<Req> + Clone,
    S::Response: HttpResponse,
    <BodyOf<S::Response> as Body>::Error: Into<BoxError>,
{
    pub(super) fn new(batch: Batch<S, K, C, A, P, J>, shared: Arc<Shared>) -> Self {
        Self {
            output: Output::new(batch.settings.in_order),
            batch,
            shared,
            next_index: 0,
            jobs: FuturesUnordered::new(),
            given_up: 0,
        }
    }

    /// Whether another request may be taken now.
    pub(super) fn has_room(&self) -> bool {
        self.taken() < self.batch.settings.ahead
    }

    /// Begins with the next item of the stream.
    pub(super) fn begin<Item>(&mut self, item: Result<Item, BoxError>)
    where
        K: KeyOf<Item, Key = Key, Request = Req>,
    {
        let index = self.next_index;
        self.next_index += 1;
        let (key, request) = match item {
            Ok(item) => self.batch.key.split(index, item),
            Err(error) => return self.fail(index, BatchError::Source { index, error }),
        };
        match self.batch.journal.recall(&key) {
            Ok(None) => self.send(index, key, request),
            Ok(Some(mut response)) => {
                response.extensions_mut().insert(Recalled);
                self.end(index, End::Recalled, Ok((key, response)));
            }
            Err(error) => {
                let error = error.into();
                self.fail(index, BatchError::NotRecalled { key, error });
            }
        }
    }

    fn send(&mut self, index: usize, key: Key, request: Req) {
        let Batch {
            client,
            cost,
            settings,
            ..
        } = &self.batch;
        let cost = cost.cost(&request);
        let counted = Counted::new(Arc::clone(&self.shared));
        let sender = (client.clone(), request);
        let job = Job::new((index, key), sender, cost, settings.max_body, counted);
        self.jobs.push(job);
    }

    /// Polls all requests that were woken. Returns whether any of them ended.
    pub(super) fn poll_woken(&mut self, cx: &mut Context<'_>) -> bool {
        let mut has_ended = false;
        while let Poll::Ready(Some(ended)) = Pin::new(&mut self.jobs).poll_next(cx) {
            has_ended = true;
            self.ended(ended);
        }
        has_ended
    }

    fn ended(
        &mut self,
        Ended {
            index,
            key,
            outcome,
        }: Ended<Key, S::Error>,
    ) {
        match outcome {
            Outcome::Answered(response) => self.answered(index, key, response),
            Outcome::Failed(error) => self.fail(index, BatchError::Client { key, error }),
            Outcome::Unread(head, error) => {
                self.fail(index, BatchError::Body { key, head, error });
            }
        }
    }

    /// Records an answer, if it is accepted.
    fn answered(&mut self, index: usize, key: Key, response: Response<Bytes>) {
        if !(self.batch.accept)(&response) {
            let response = Box::new(response);
            return self.fail(index, BatchError::NotAccepted { key, response });
        }
        match self.batch.journal.record(&key, &response) {
            Ok(()) => self.end(index, End::Done, Ok((key, response))),
            Err(error) => {
                let (response, error) = (Box::new(response), error.into());
                self.fail(
                    index,
                    BatchError::NotRecorded {
                        key,
                        response,
                        error,
                    },
                );
            }
        }
    }

    fn fail(&mut self, index: usize, error: BatchError<Key, S::Error>) {
        self.end(index, End::Failed, Err(error));
    }

    /// Keeps a result, and only then tells of it, as the closure may panic.
    fn end(&mut self, index: usize, end: End, result: BatchResult<Key, S::Error>) {
        self.shared.ended(end);
        self.output.insert(index, result);
        self.tell();
    }

    fn tell(&mut self) {
        if let Some(on_progress) = &mut self.batch.on_progress {
            on_progress(&self.shared.progress());
        }
    }

    /// Gives up all requests that the client did not take yet, and tells of them at once.
    pub(super) fn give_up_waiting(&mut self) {
        let before = self.given_up;
        for job in Pin::new(&mut self.jobs).iter_pin_mut() {
            if let Some((index, key)) = job.give_up() {
                self.given_up += 1;
                self.shared.ended(End::NotSent);
                self.output.insert(index, Err(BatchError::NotSent { key }));
            }
        }
        if self.given_up > before {
            self.tell();
        }
    }

    /// Has the journal make safe what it recorded.
    pub(super) fn sync(&mut self) -> Result<(), BoxError> {
        self.batch.journal.sync().map_err(Into::into)
    }
}
