//! The layers inside `reqwest_middleware::ClientWithMiddleware`.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};
use tower_layer::Layer;
use tower_service::Service;

use crate::ask::{self, Ask};
use crate::concurrency::{AdaptiveConcurrencyLayer, Handle};
use crate::cost::{Cost, CostOf, NoCost};
use crate::observe::Observer;
use crate::queue::{Priority, QueueError};
use crate::retry::{NoHook, RefusalsOnly, Replay, RetryHandle, RetryOn429Layer};

type BoxFuture<'a> = Pin<Box<dyn Future<Output = Result<Response>> + Send + 'a>>;

/// The retries around the gate, as [`ThrottleMiddleware`] has them.
type Both<C = RefusalsOnly, H = NoHook, K = Replay, G = NoCost> =
    (RetryOn429Layer<C, H, K>, AdaptiveConcurrencyLayer<G>);

/// Both layers of this crate, or any other, as a [`Middleware`].
///
/// With the defaults:
///
/// ```
/// use reqwest_middleware::ClientBuilder;
/// use tower_throttle::ThrottleMiddleware;
///
/// let client = ClientBuilder::new(reqwest::Client::new())
///     .with(ThrottleMiddleware::new())
///     .build();
/// # let _ = client;
/// ```
///
/// Customised, and with a handle:
///
/// ```
/// use reqwest_middleware::ClientBuilder;
/// use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer, ThrottleMiddleware};
///
/// let throttle = ThrottleMiddleware::from_layers(
///     RetryOn429Layer::new().max_attempts(8),
///     AdaptiveConcurrencyLayer::new().max_limit(50),
/// );
/// let gate = throttle.gate_handle();
/// let client = ClientBuilder::new(reqwest::Client::new()).with(throttle).build();
/// # let _ = client;
/// assert_eq!(gate.in_flight(), 0);
/// ```
///
/// # Where it stands
///
/// What `ClientBuilder::with` adds first is outermost. Add this after what looks at a request as a
/// whole, such as a cache, and before what looks at each attempt, such as a signature or a trace of
/// the wire. A `ClientWithMiddleware` is a tower service as well, so the layers can be put around it
/// as they are; inside it, the client keeps its type and its methods, and `with_extension` works.
///
/// # Extensions
///
/// Every attempt runs the middleware below anew, with the [`Extensions`] that came from above;
/// those of the last attempt go back up. The [`Hint`](crate::Hint) and the
/// [`Attempts`](crate::retry::Attempts) stand in the response's extensions.
///
/// # Classes
///
/// The class of a request is the [`Priority`] in its [`Extensions`]:
/// `client.get(url).with_extension(Priority::INTERACTIVE)`. For deadlines and bounds, put a
/// [`QueueLayer`](crate::QueueLayer) outside of the two layers. Its error comes as
/// `reqwest_middleware::Error::Middleware`:
///
/// ```
/// use std::time::Duration;
///
/// use reqwest_middleware::{ClientBuilder, Error};
/// use tower_throttle::queue::{QueueError, QueueLayer};
/// use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer, ThrottleMiddleware};
///
/// fn why(error: &Error) -> Option<&QueueError<Error>> {
///     match error {
///         Error::Middleware(error) => error.downcast_ref(),
///         Error::Reqwest(_) => None,
///     }
/// }
///
/// let queue = QueueLayer::new().max_wait(Duration::from_secs(10));
/// let layers = (queue, RetryOn429Layer::new(), AdaptiveConcurrencyLayer::new());
/// let client = ClientBuilder::new(reqwest::Client::new())
///     .with(ThrottleMiddleware::with_layer(layers))
///     .build();
/// # let _ = (client, why);
/// ```
///
/// # Cost
///
/// What a request costs in tokens is announced to the gate: the [`Cost`] in its [`Extensions`]
/// (`client.post(url).with_extension(Cost::tokens(1_600))`), or else what [`cost`](Self::cost) tells, or the gate that was
/// given to [`from_layers`](Self::from_layers):
///
/// ```
/// use reqwest_middleware::ClientBuilder;
/// use tower_throttle::cost::Cost;
/// use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer, ThrottleMiddleware};
///
/// /// Four bytes are a token, more or less, and the answer may take 400.
/// fn cost(request: &reqwest::Request) -> Cost {
///     let bytes = request.body().and_then(|body| body.as_bytes());
///     Cost::tokens(bytes.map_or(0, <[u8]>::len) as u64 / 4 + 400)
/// }
///
/// let gate = AdaptiveConcurrencyLayer::new().cost(cost);
/// let client = ClientBuilder::new(reqwest::Client::new())
///     .with(ThrottleMiddleware::from_layers(RetryOn429Layer::new(), gate))
///     .build();
/// # let _ = client;
/// ```
///
/// # State
///
/// It belongs to the layers: all requests of all clients that were given this middleware, or a clone
/// of it, share one gate and one pause. Use one for each quota.
///
/// # Errors
///
/// Those of the middleware below and of reqwest, as they are.
///
/// # Cancel safety
///
/// A request that is dropped gives up its place or its permit, and leaves the extensions as they came.
#[derive(Clone)]
pub struct ThrottleMiddleware<L = Both, A = NoCost> {
    layer: L,
    cost: A,
}

impl ThrottleMiddleware {
    /// Retries around a gate, both with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::from_layers(RetryOn429Layer::new(), AdaptiveConcurrencyLayer::new())
    }
}

impl<C, H, K, G: Clone> ThrottleMiddleware<Both<C, H, K, G>, G> {
    /// These retries around this gate. What the gate is told that requests [cost](#cost) is announced.
    #[must_use]
    pub fn from_layers(retry: RetryOn429Layer<C, H, K>, gate: AdaptiveConcurrencyLayer<G>) -> Self {
        let cost = gate.cost_of().clone();
        ThrottleMiddleware::with_layer((retry, gate)).cost(cost)
    }
}

impl<C, H, K, G, A> ThrottleMiddleware<Both<C, H, K, G>, A> {
    /// Has one more [observer](crate::observe) told what both layers do. Take handles later, as the gate is a new
    /// one.
    #[must_use]
    pub fn observe(self, observer: impl Observer + Clone + 'static) -> Self {
        let (retry, gate) = self.layer;
        let layer = (retry.observe(observer.clone()), gate.observe(observer));
        Self { layer, ..self }
    }

    /// Returns a handle that shows the state of the gate, and steers it.
    ///
    /// It is not called `handle`, as that is the method of [`Middleware`].
    #[must_use]
    pub fn gate_handle(&self) -> Handle {
        let (_, gate) = &self.layer;
        gate.handle()
    }

    /// Returns a handle that shows the state of the retries' circuit breaker, and closes the layer.
    #[must_use]
    pub fn retry_handle(&self) -> RetryHandle
    where
        C: Send + Sync + 'static,
        H: Send + Sync + 'static,
        K: Send + Sync + 'static,
    {
        let (retry, _) = &self.layer;
        retry.handle()
    }
}

impl<L> ThrottleMiddleware<L> {
    /// Any tower layer: one of this crate's alone, or a stack with others in between, such as a
    /// `tower::ServiceBuilder`. Its errors must be reqwest-middleware's, or become such by `Into`.
    ///
    /// The layer is applied anew for each request, so what its requests are to share must belong to
    /// the layer, as it does in this crate.
    ///
    /// ```
    /// use reqwest_middleware::ClientBuilder;
    /// use tower_throttle::{AdaptiveConcurrencyLayer, ThrottleMiddleware};
    ///
    /// let gate = AdaptiveConcurrencyLayer::new();
    /// let client = ClientBuilder::new(reqwest::Client::new())
    ///     .with(ThrottleMiddleware::with_layer(gate))
    ///     .build();
    /// # let _ = client;
    /// ```
    #[must_use]
    pub fn with_layer(layer: L) -> Self {
        Self {
            layer,
            cost: NoCost,
        }
    }
}

impl<L, A> ThrottleMiddleware<L, A> {
    /// Tells what each request [costs](#cost), and announces it to the gate.
    #[must_use]
    pub fn cost<A2>(self, cost: A2) -> ThrottleMiddleware<L, A2> {
        ThrottleMiddleware {
            layer: self.layer,
            cost,
        }
    }

    /// Returns a reference to the layer.
    pub fn get_ref(&self) -> &L {
        &self.layer
    }

    /// Returns a mutable reference to the layer.
    pub fn get_mut(&mut self) -> &mut L {
        &mut self.layer
    }

    /// Returns the layer.
    pub fn into_inner(self) -> L {
        self.layer
    }
}

impl Default for ThrottleMiddleware {
    fn default() -> Self {
        Self::new()
    }
}

impl<L: fmt::Debug, A> fmt::Debug for ThrottleMiddleware<L, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrottleMiddleware")
            .field("layer", &self.layer)
            .field("cost", &std::any::type_name::<A>())
            .finish()
    }
}

impl<L, A> Middleware for ThrottleMiddleware<L, A>
where
    A: CostOf<Request> + Send + Sync + 'static,
    L: Send + Sync + 'static,
    L: for<'a> Layer<NextService<'a>>,
    for<'a> <L as Layer<NextService<'a>>>::Service: Service<Request, Response = Response> + Send,
    for<'a> <<L as Layer<NextService<'a>>>::Service as Service<Request>>::Error: Into<Error>,
    for<'a> <<L as Layer<NextService<'a>>>::Service as Service<Request>>::Future: Send,
{
    fn handle<'s, 'e, 'n, 'f>(
        &'s self,
        request: Request,
        extensions: &'e mut Extensions,
        next: Next<'n>,
    ) -> BoxFuture<'f>
    where
        's: 'f,
        'e: 'f,
        'n: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let last = Arc::new(Mutex::new(extensions.clone()));
            let mut service = self.layer.layer(NextService {
                next,
                extensions: extensions.clone(),
                last: Arc::clone(&last),
            });
            let priority = extensions.get::<Priority>().copied();
            let told = extensions.get::<Cost>().copied();
            let cost = told.or_else(|| self.cost.cost(&request));
            let ask = || {
                let above = ask::current();
                Ask {
                    priority: priority.or(above.priority),
                    cost: cost.or(above.cost),
                    ..above
                }
            };
            let ready = poll_fn(|cx| ask::with(ask(), || service.poll_ready(cx)));
            ready.await.map_err(Into::into)?;
            let mut answer = pin!(service.call(request));
            let answer = poll_fn(|cx| ask::with(ask(), || answer.as_mut().poll(cx)));
            let result = answer.await;
            let last = replace(&last, Extensions::new());
            *extensions = last;
            result.map_err(Into::into)
        })
    }
}

/// The rest of a middleware chain, as a service: what [`ThrottleMiddleware`] puts its layer around.
#[derive(Clone)]
pub struct NextService<'a> {
    next: Next<'a>,
    /// What came from above.
    extensions: Extensions,
    /// What the last attempt made of it.
    last: Arc<Mutex<Extensions>>,
}

impl<'a> Service<Request> for NextService<'a> {
    type Response = Response;
    type Error = Error;
    type Future = BoxFuture<'a>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> BoxFuture<'a> {
        let Self {
            next,
            mut extensions,
            last,
        } = self.clone();
        Box::pin(async move {
            let result = next.run(request, &mut extensions).await;
            let before = replace(&last, extensions);
            drop(before);
            result
        })
    }
}

/// The client's own error as it is, and what the queue says as an error of a middleware, which can be taken
/// for a `QueueError<reqwest_middleware::Error>` again by `downcast_ref`.
impl From<QueueError<Error>> for Error {
    fn from(error: QueueError<Error>) -> Self {
        match error {
            QueueError::Inner(error) => error,
            own => Self::middleware(own),
        }
    }
}

/// What was there before: not dropped under the lock, as extensions are foreign.
fn replace(last: &Mutex<Extensions>, extensions: Extensions) -> Extensions {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut last, extensions)
}

impl fmt::Debug for NextService<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextService")
    }
}
