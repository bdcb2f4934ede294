//! Moments that measurements begin at.

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
