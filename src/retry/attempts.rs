//! How often a request was sent.

use http::Extensions;

/// How often a request was sent to get its response, in the response's extensions.
///
/// [`RetryOn429`](super::RetryOn429) leaves it in every response it gives up on, and in those that
/// took more than one attempt; a request served at once gets nothing in its extensions, so read it
/// with [`Attempts::of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempts(u32);

impl Attempts {
    pub(super) const fn new(attempts: u32) -> Self {
        Self(attempts)
    }

    /// The attempts noted in a response's extensions: one when nothing was noted.
    ///
    /// ```
    /// use tower_throttle::retry::Attempts;
    ///
    /// let response = http::Response::new(());
    /// assert_eq!(Attempts::of(response.extensions()).get(), 1);
    /// ```
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self(1))
    }

    /// The number of attempts, the first included.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl From<Attempts> for u32 {
    fn from(attempts: Attempts) -> Self {
        attempts.get()
    }
}
