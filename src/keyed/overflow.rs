//! Requests beyond their key's share of the bound.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// Holds a service back while its last request waits beyond its key's share.
#[derive(Debug, Default)]
pub(super) struct Overflow(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The request waits no more.
    is_over: bool,
    /// Of the service.
    waker: Option<Waker>,
}

impl Overflow {
    /// Waits until the request waits no more.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return Poll::Ready(());
        }
        let former = state.waker.replace(waker);
        drop(state);
        drop(former);
        Poll::Pending
    }

    pub(super) fn end(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_over = true;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}
