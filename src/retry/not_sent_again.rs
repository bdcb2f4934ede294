//! Why a request had no further attempt.

use http::Extensions;

use crate::observe::GiveUpReason;

/// Left in the extensions of an answer that would have been retried, if its request could have been sent
/// again.
///
/// An answer without it was accepted, is not retried, or used up what the layer allows. An error has no
/// extensions to leave it in.
///
/// ```
/// use tower_throttle::retry::NotSentAgain;
///
/// # fn show<B>(response: &http::Response<B>) {
/// if let Some(why) = NotSentAgain::of(response.extensions()) {
///     eprintln!("{}, and the request could not be sent again: {why:?}", response.status());
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotSentAgain {
    /// The request could not be copied before it was sent: its body is a stream that is read once.
    ///
    /// [`ReplayBody`](super::ReplayBody) keeps such a body, and
    /// [`buffer_bodies`](super::RetryOn429Layer::buffer_bodies) that of a `reqwest::Request`.
    ReadOnce,
    /// The request could be copied when it was sent, and no more afterwards: its body proved longer than
    /// what is kept of it, or failed.
    NotKept,
}

impl NotSentAgain {
    pub(super) fn from_reason(why: GiveUpReason) -> Option<Self> {
        match why {
            GiveUpReason::ReadOnce => Some(Self::ReadOnce),
            GiveUpReason::NotKept => Some(Self::NotKept),
            _ => None,
        }
    }

    /// The mark in a response's extensions, if there is one.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied()
    }
}
