//! Moments that measurements begin at.

use super::Sent;

/// A moment at which the server's bucket was empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) at: f64,
    /// Requests accepted in all by then.
    pub(super) admitted: f64,
}

/// The requests that the server accepted before its first refusal.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstBurst {
    pub(super) admitted: f64,
    /// From the first request to the refused one.
    pub(super) seconds: f64,
}

/// What is known of the time before the first refusal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Opening {
    /// Nothing: no request was sent.
    None,
    /// When the first request was sent, and how many were accepted before: those that were forgotten.
    Sent(Mark),
    /// What was accepted before the first refusal.
    Over(FirstBurst),
}

impl Opening {
    /// What the server accepted before its first refusal.
    pub(super) fn first_burst(&self) -> Option<FirstBurst> {
        match self {
            Self::Over(burst) => Some(*burst),
            Self::None | Self::Sent(_) => None,
        }
    }

    /// A request was refused, as `mark` says. One before which nothing was accepted tells nothing.
    pub(super) fn on_refused(&mut self, mark: Mark) {
        if let (Self::Sent(first), true) = (&self, mark.admitted > 0.0) {
            *self = Self::Over(FirstBurst {
                admitted: mark.admitted - first.admitted,
                seconds: (mark.at - first.at).max(0.0),
            });
        }
    }
}

/// When a request was sent: `usual` seconds before its answer, if no time was read.
pub(super) fn sent_at(sent: &Sent, now: f64, usual: f64) -> f64 {
    sent.at.map_or(now - usual, |at| at.as_secs_f64())
}
