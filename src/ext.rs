//! The layers as methods: `service.retry_on_429()`, `ServiceBuilder::new().retry_on_429()`.

use tower_service::Service;

use crate::concurrency::AdaptiveConcurrency;
use crate::queue::{Prioritized, Priority};
use crate::retry::RetryOn429;

/// The layers of this crate as methods of every [`Service`].
///
/// The method called last is outermost: the gate first, the retries around it.
///
/// Each call makes a layer with state of its own, which clones of the service share. To share one
/// among several services, or to configure it, apply the layer itself.
///
/// The trait is implemented for every service, and for nothing else. Its name differs from that of tower's
/// `ServiceExt`, so that both can be imported into one file. The methods can be called only where the layer
/// makes a service, so that the compiler says what is missing if it does not.
///
/// # Examples
///
/// ```
/// use tower::ServiceExt;
/// use tower_throttle::ThrottleExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::convert::Infallible> {
/// # let client = tower::service_fn(async |_: http::Request<String>| {
/// #     Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
/// # });
/// let client = client.adaptive_concurrency().retry_on_429();
///
/// let response = client.oneshot(http::Request::new(String::new())).await?;
/// assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tower service of `{Request}`",
    note = "`ThrottleExt` has methods for services; a `tower::ServiceBuilder` has the same ones by `ThrottleBuilderExt`: enable the feature `util` of tower-throttle"
)]
pub trait ThrottleExt<Request>: Service<Request> + Sized {
    /// Retries refused requests, with the defaults. See [`retry`](crate::retry).
    fn retry_on_429(self) -> RetryOn429<Self>
    where
        RetryOn429<Self>: Service<Request>,
    {
        RetryOn429::new(self)
    }

    /// Lets through as many requests as the server takes, with the defaults. See
    /// [`concurrency`](crate::concurrency).
    fn adaptive_concurrency(self) -> AdaptiveConcurrency<Self>
    where
        AdaptiveConcurrency<Self>: Service<Request>,
    {
        AdaptiveConcurrency::new(self)
    }

    /// Puts all requests into one class. See [`queue`](crate::queue).
    ///
    /// It belongs outside of both others, on a clone of the client:
    /// `client.clone().priority(Priority::BATCH)`.
    fn priority(self, priority: Priority) -> Prioritized<Self>
    where
        Prioritized<Self>: Service<Request>,
    {
        Prioritized::new(self, priority)
    }
}

impl<S: Service<Request>, Request> ThrottleExt<Request> for S {}

/// The layers of this crate as methods of tower's
/// [`ServiceBuilder`](https://docs.rs/tower/0.5/tower/struct.ServiceBuilder.html).
///
/// The layer added first is outermost: the retries, then the gate that every attempt passes.
///
/// The trait is sealed. Its name differs from that of tower-http's `ServiceBuilderExt`, so that both can be
/// imported into one file.
///
/// # Examples
///
/// ```
/// use tower::ServiceBuilder;
/// use tower_throttle::ThrottleBuilderExt;
///
/// # let client = ();
/// let client = ServiceBuilder::new()
///     .retry_on_429()
///     .adaptive_concurrency()
///     .service(client);
/// # let _ = client;
/// ```
#[cfg(feature = "util")]
pub trait ThrottleBuilderExt<L>: sealed::Sealed<L> + Sized {
    /// Retries refused requests, with the defaults. See [`retry`](crate::retry).
    fn retry_on_429(
        self,
    ) -> tower::ServiceBuilder<tower_layer::Stack<crate::retry::RetryOn429Layer, L>>;

    /// Lets through as many requests as the server takes, with the defaults. See
    /// [`concurrency`](crate::concurrency).
    fn adaptive_concurrency(
        self,
    ) -> tower::ServiceBuilder<tower_layer::Stack<crate::concurrency::AdaptiveConcurrencyLayer, L>>;

    /// Puts all requests into one class. See [`queue`](crate::queue). It belongs first, outside of both others.
    fn priority(
        self,
        priority: Priority,
    ) -> tower::ServiceBuilder<tower_layer::Stack<crate::queue::PriorityLayer, L>>;
}

#[cfg(feature = "util")]
impl<L> ThrottleBuilderExt<L> for tower::ServiceBuilder<L> {
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

    fn priority(
        self,
        priority: Priority,
    ) -> tower::ServiceBuilder<tower_layer::Stack<crate::queue::PriorityLayer, L>> {
        self.layer(crate::queue::PriorityLayer::new(priority))
    }
}

#[cfg(feature = "util")]
mod sealed {
    /// Implemented for nothing else, so that methods may be added.
    pub trait Sealed<L> {}

    impl<L> Sealed<L> for tower::ServiceBuilder<L> {}
}
