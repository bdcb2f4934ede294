//! Entering by a method: `service.retry_on_429()`, `ServiceBuilder::new().retry_on_429()`.

use crate::retry::RetryOn429;

/// The layers of this crate as methods of every service.
///
/// ```
/// use tower_throttle::ServiceExt as _;
///
/// # let client = ();
/// let client = client.retry_on_429();
/// # let _ = client;
/// ```
pub trait ServiceExt: Sized {
    /// Retries refused requests, with the defaults. See [`retry`](crate::retry).
    fn retry_on_429(self) -> RetryOn429<Self> {
        RetryOn429::new(self)
    }
}

impl<S> ServiceExt for S {}
