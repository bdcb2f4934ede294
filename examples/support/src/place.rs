//! The places, and who has one.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// The most requests at once, those that were being refused included.
    pub peak_with_refused: usize,
    /// Connections that were opened.
    pub connections: usize,
}

/// As the examples print it: how many were refused, and the most that it worked on at once.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "refused {}, worked on {} at most",
            self.refused, self.peak
        )
    }
}

#[derive(Debug)]
pub(crate) struct Places {
    number: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    being_refused: usize,
}

impl Places {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            number,
            state: Mutex::default(),
        }
    }

    pub(crate) fn connected(&self) {
        self.lock().counts.connections += 1;
    }

    /// A place, or word that all are taken.
    pub(crate) fn take(self: &Arc<Self>) -> Result<Place, BeingRefused> {
        let state = &mut *self.lock();
        let counts = &mut state.counts;
        let taken = counts.in_flight == self.number;
        if taken {
            counts.refused += 1;
            state.being_refused += 1;
        } else {
            counts.accepted += 1;
            counts.in_flight += 1;
            counts.peak = counts.peak.max(counts.in_flight);
        }
        let all = counts.in_flight + state.being_refused;
        counts.peak_with_refused = counts.peak_with_refused.max(all);
        if taken {
            return Err(BeingRefused(Arc::clone(self)));
        }
        Ok(Place(Arc::clone(self)))
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().counts.in_flight -= 1;
    }
}

/// A request that is being refused, until it is dropped.
#[derive(Debug)]
pub(crate) struct BeingRefused(Arc<Places>);

impl Drop for BeingRefused {
    fn drop(&mut self) {
        self.0.lock().being_refused -= 1;
    }
}

pin_project! {
    /// A body that keeps something, such as its request's place, until hyper has sent it.
    #[derive(Debug)]
    pub struct Held<B, T> {
        #[pin]
        body: B,
        kept: T,
    }
}

impl<B, T> Held<B, T> {
    /// Keeps `kept` as long as the body.
    pub fn new(body: B, kept: T) -> Self {
        Self { body, kept }
    }
}

impl<B: Body, T> Body for Held<B, T> {
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
