//! The layers inside `reqwest_middleware::ClientWithMiddleware`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};
use tower_layer::Layer;
use tower_service::Service;

type BoxFuture<'a> = Pin<Box<dyn Future<Output = Result<Response>> + Send + 'a>>;

/// Makes a [`Middleware`] of a layer, for clients that are built of them.
///
/// A [`ClientWithMiddleware`](reqwest_middleware::ClientWithMiddleware) is a service itself, so a
/// layer can be put around it as it is. Inside, the layer has its place among other middleware,
/// and the client keeps its type and its methods.
///
/// Every attempt runs the middleware below anew, with the [`Extensions`] that came from above;
/// those of the last attempt go back up.
///
/// ```
/// use reqwest_middleware::ClientBuilder;
/// use tower_throttle::integrations::middleware;
/// use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
///
/// let client = ClientBuilder::new(reqwest::Client::new())
///     .with(middleware(RetryOn429Layer::new()))
///     .with(middleware(AdaptiveConcurrencyLayer::new()))
///     .build();
/// # let _ = client;
/// ```
pub fn middleware<L>(layer: L) -> impl Middleware
where
    L: Clone + Send + Sync + 'static,
    L: for<'a> Layer<NextService<'a>>,
    for<'a> <L as Layer<NextService<'a>>>::Service:
        Service<Request, Response = Response, Error = Error> + Send,
    for<'a> <<L as Layer<NextService<'a>>>::Service as Service<Request>>::Future: Send,
{
    general(move |request, extensions, next| run(layer.clone(), request, extensions, next))
}

/// Tells the compiler that a closure is to take any lifetime; it would settle for one.
fn general<F>(closure: F) -> F
where
    F: for<'a> Fn(Request, &'a mut Extensions, Next<'a>) -> BoxFuture<'a>,
{
    closure
}

fn run<'a, L>(
    layer: L,
    request: Request,
    extensions: &'a mut Extensions,
    next: Next<'a>,
) -> BoxFuture<'a>
where
    L: Send + Sync + 'static,
    L: for<'b> Layer<NextService<'b>>,
    for<'b> <L as Layer<NextService<'b>>>::Service:
        Service<Request, Response = Response, Error = Error> + Send,
    for<'b> <<L as Layer<NextService<'b>>>::Service as Service<Request>>::Future: Send,
{
    Box::pin(async move {
        let last = Arc::new(Mutex::new(extensions.clone()));
        let next = NextService {
            next,
            extensions: extensions.clone(),
            last: Arc::clone(&last),
        };
        let mut service = layer.layer(next);
        std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
        let result = service.call(request).await;
        *extensions = std::mem::take(&mut *last.lock().unwrap_or_else(PoisonError::into_inner));
        result
    })
}

/// The rest of a middleware chain, as a service.
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
            *last.lock().unwrap_or_else(PoisonError::into_inner) = extensions;
            result
        })
    }
}

impl fmt::Debug for NextService<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextService")
    }
}
