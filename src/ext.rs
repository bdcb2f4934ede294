//! Entering by a method: `service.retry_on_429()`, `ServiceBuilder::new().retry_on_429()`.

use crate::concurrency::AdaptiveConcurrency;
use crate::retry::RetryOn429;

/// The layers of this crate as methods of every service.
///
/// The method called last is outermost, as with every such trait: the gate first, the retries
/// around it.
///
/// ```
/// use tower_throttle::ServiceExt as _;
///
/// # let client = ();
/// let client = client.adaptive_concurrency().retry_on_429();
/// # let _ = client;
/// ```
///
/// Each call makes a layer with state of its own, which clones of the service share. To share one
/// among several services, or to configure it, apply the layer itself.
pub trait ServiceExt: Sized {
    /// Retries refused requests, with the defaults. See [`retry`](crate::retry).
    fn retry_on_429(self) -> RetryOn429<Self> {
        RetryOn429::new(self)
    }

    /// Lets through as many requests as the server takes, with the defaults. See
    /// [`concurrency`](crate::concurrency).
    fn adaptive_concurrency(self) -> AdaptiveConcurrency<Self> {
        AdaptiveConcurrency::new(self)
    }
}

impl<S> ServiceExt for S {}

/// The layers of this crate as methods of [`tower::ServiceBuilder`].
///
/// The layer added first is outermost: the retries, then the gate that every attempt passes.
///
/// ```
/// use tower::ServiceBuilder;
/// use tower_throttle::ServiceBuilderExt as _;
///
/// # let client = ();
/// let client = ServiceBuilder::new()
///     .retry_on_429()
///     .adaptive_concurrency()
///     .service(client);
/// # let _ = client;
/// ```
#[cfg(feature = "util")]
pub trait ServiceBuilderExt<L>: sealed::Sealed<L> + Sized {
    /// Retries refused requests, with the defaults. See [`retry`](crate::retry).
    fn retry_on_429(
        self,
    ) -> tower::ServiceBuilder<tower_layer::Stack<crate::retry::RetryOn429Layer, L>>;

    /// Lets through as many requests as the server takes, with the defaults. See
    /// [`concurrency`](crate::concurrency).
    fn adaptive_concurrency(
        self,
    ) -> tower::ServiceBuilder<tower_layer::Stack<crate::concurrency::AdaptiveConcurrencyLayer, L>>;
}

#[cfg(feature = "util")]
impl<L> ServiceBuilderExt<L> for tower::ServiceBuilder<L> {
    fn retry_on_429(
        self,
    ) -> tower::ServiceBuilder<tower_layer::Stack<crate::retry::RetryOn429Layer, L>> {
        self.layer(crate::retry::RetryOn429Layer::new())
    }

    fn adaptive_concurrency(
        self,
    ) -> tower::ServiceBuilder<tower_layer::Stack<crate::concurrency::AdaptiveConcurrencyLayer, L>>
    {
        self.layer(crate::concurrency::AdaptiveConcurrencyLayer::new())
    }
}

#[cfg(feature = "util")]
mod sealed {
    /// Implemented for nothing else, so that methods may be added.
    pub trait Sealed<L> {}

    impl<L> Sealed<L> for tower::ServiceBuilder<L> {}
}
