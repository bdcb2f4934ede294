//! A batch that begins.

use bytes::Bytes;
use futures_util::Stream;
use http::Response;
use http_body::Body;
use tower_service::Service;

use super::builder::Batch;
use super::error::BoxError;
use super::job::BodyOf;
use super::journal::Journal;
use super::key::KeyOf;
use super::progress::Progress;
use super::results::Results;
use super::source::Requests;
use crate::cost::CostOf;
use crate::message::HttpResponse;

impl<S, K, C, A, P, J> Batch<S, K, C, A, P, J> {
    /// Runs the batch: sends these requests as the results are polled.
    ///
    /// For a stream of `Result`s there is [`try_run`](Self::try_run).
    pub fn run<St>(self, requests: St) -> Results<S, K::Request, K::Key, Requests<St>, Self>
    where
        St: Stream,
        K: KeyOf<St::Item>,
        C: CostOf<K::Request>,
        A: FnMut(&Response<Bytes>) -> bool,
        P: FnMut(&Progress),
        J: Journal<K::Key>,
        S: Service<K::Request> + Clone,
        S::Response: HttpResponse,
        <BodyOf<S::Response> as Body>::Error: Into<BoxError>,
    {
        Results::new(self, Requests::new(requests))
    }

    /// Runs the batch on a stream that may give errors in place of requests, such as one that reads a file.
    ///
    /// Each error is a result: [`Source`](super::BatchError::Source). The batch goes on with what comes after it.
    pub fn try_run<St, Item, X>(self, requests: St) -> Results<S, K::Request, K::Key, St, Self>
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
        Results::new(self, requests)
    }
}
