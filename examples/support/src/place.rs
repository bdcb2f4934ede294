//! The places, and who has one.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// What an API has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were let in.
    pub accepted: usize,
    /// Requests that were answered with 429.
    pub refused: usize,
    /// Requests that have a place.
    pub in_flight: usize,
    /// The most that had one at once.
    pub peak: usize,
    /// Connections that were opened.
    pub connections: usize,
}

#[derive(Debug)]
pub(crate) struct Places {
    number: usize,
    counts: Mutex<Counts>,
}

impl Places {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            number,
            counts: Mutex::default(),
        }
    }

    pub(crate) fn connected(&self) {
        self.with(|counts| counts.connections += 1);
    }

    /// A place, or none if all are taken.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Place> {
        self.with(|counts| {
            if counts.in_flight == self.number {
                counts.refused += 1;
                return None;
            }
            counts.accepted += 1;
            counts.in_flight += 1;
            counts.peak = counts.peak.max(counts.in_flight);
            Some(Place(Arc::clone(self)))
        })
    }

    pub(crate) fn counts(&self) -> Counts {
        self.with(|counts| *counts)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Counts) -> T) -> T {
        look(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A request's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.with(|counts| counts.in_flight -= 1);
    }
}

pin_project! {
    /// A body that keeps its request's place until hyper has sent it.
    pub(crate) struct Held<B> {
        #[pin]
        body: B,
        place: Place,
    }
}

impl<B> Held<B> {
    pub(crate) fn new(body: B, place: Place) -> Self {
        Self { body, place }
    }
}

impl<B: Body> Body for Held<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
