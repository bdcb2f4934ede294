//! The traits by which the middleware sees the HTTP client below it, and the marks that it leaves in a
//! response's extensions.
//!
//! The layers of this crate need little of a client: a request that can be sent again
//! ([`ReplayRequest`]), and a response with a status, headers and a body that can be wrapped
//! ([`HttpResponse`], [`WithBody`]). Both are implemented for the types of the [`http`] crate and,
//! behind the feature `reqwest`, for `reqwest`'s own. Implement them for a client's types and the
//! layers wrap that client as well.
//!
//! A type of another crate cannot be given a trait of this one. For a foreign request,
//! [`clone_request`](crate::RetryOn429Layer::clone_request) takes a closure instead, and the gate needs
//! nothing of it. async-openai's client is such a case: its tower service takes a recipe that makes a
//! `reqwest::Request` for each attempt, and its answers are `reqwest::Response`s.
//!
//! ```
//! # #[cfg(feature = "reqwest")]
//! # fn stack<Recipe: Clone, S>(service: S) -> impl tower::Service<Recipe, Response = reqwest::Response>
//! # where
//! #     S: tower::Service<Recipe, Response = reqwest::Response> + Clone,
//! # {
//! use tower::ServiceBuilder;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new().clone_request(|recipe: &Recipe| Some(recipe.clone())))
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(service)
//! # }
//! ```
//!
//! # When trait bounds are not satisfied
//!
//! Where one of these traits is missing, the methods of tower's `ServiceExt` (`oneshot`, `ready`) are missing
//! too, and the compiler does not say why. It does where a bound asks for the service:
//!
//! ```
//! # let client = tower_throttle::RetryOn429::new(tower::service_fn(async |_: http::Request<String>| {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
//! # }));
//! fn is_service<Request, S: tower::Service<Request>>(_: &S) {}
//!
//! is_service::<http::Request<String>, _>(&client);
//! ```
//!
//! So do the methods of [`ThrottleExt`](crate::ThrottleExt).

mod route;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, response::Parts};
use http_body::Body;

pub(crate) use self::route::{credentials, route};
use crate::ask::KeptPlace;
use crate::hint::Hint;

/// A request that may be sent more than once.
///
/// Implemented for `http::Request<B>` where `B` is a [`TryCloneBody`]: every `Clone` body (a
/// `Full<Bytes>` costs a reference count) and [`ReplayBody`](crate::retry::ReplayBody).
#[diagnostic::on_unimplemented(
    message = "a request of type `{Self}` cannot be sent again",
    label = "needs `ReplayRequest`",
    note = "a request of the `http` crate needs a body that is `Clone`: wrap a stream in `ReplayBody`, or in `SingleUse`",
    note = "for `reqwest::Request`, enable the feature `reqwest` of tower-throttle",
    note = "for a request of another type, give the layer a closure: `.clone_request(|request: &{Self}| Some(request.clone()))`"
)]
pub trait ReplayRequest: Sized {
    /// A copy: one of the two is sent now, the other is kept for another attempt.
    ///
    /// `None` says that the request cannot be sent twice: it gets one attempt, never an error.
    fn try_clone(&self) -> Option<Self>;

    /// Makes the request ready to be copied, as far as it can be. Called once, before the first attempt.
    ///
    /// By default it does nothing. `buffer` is how many bytes of a streamed body may be kept for that, and
    /// `None` that none may: see [`buffer_bodies`](crate::RetryOn429Layer::buffer_bodies). The server must
    /// not see a difference.
    fn prepare(&mut self, buffer: Option<usize>) {
        let _ = buffer;
    }

    /// The request's method.
    fn method(&self) -> &Method;

    /// The request's headers.
    fn headers(&self) -> &HeaderMap;

    /// The request's headers, to add those that a middleware was asked to add.
    fn headers_mut(&mut self) -> &mut HeaderMap;

    /// What kind of request it is, as a number. The circuit breaker of
    /// [`RetryOn429`](crate::RetryOn429) does not take the refusals of one kind for those of another.
    ///
    /// For `http::Request` and `reqwest::Request` it is a hash of method, authority, path and
    /// [credential](crate::keyed::Credential). `None` by default: the kind is not known.
    fn route(&self) -> Option<u64> {
        None
    }

    /// The host that the request is for, to tell [observers](crate::observe). `None` by default: it is not known.
    fn server(&self) -> Option<&str> {
        None
    }

    /// Adapts the head of an answer that was copied from another request's: what it says of its request,
    /// such as the URL, becomes that of this one. By default nothing is changed.
    fn mark_response(&self, parts: &mut Parts) {
        let _ = parts;
    }
}

/// A request body that can perhaps be copied.
///
/// Implemented for every `Clone` body.
#[diagnostic::on_unimplemented(
    message = "a request body of type `{Self}` cannot be copied for another attempt",
    label = "is neither `Clone` nor a `TryCloneBody`",
    note = "`ReplayBody::new(body, max_bytes)` keeps what was read of a stream; `SingleUse::new(body)` gives the request one attempt"
)]
pub trait TryCloneBody: Sized {
    /// A copy, or `None` when the body can be read only once.
    fn try_clone(&self) -> Option<Self>;

    /// A copy of a request with such a body, or `None` when the body can be read only once.
    fn try_clone_request(request: &Request<Self>) -> Option<Request<Self>> {
        let body = request.body().try_clone()?;
        let mut copy = Request::new(body);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        Some(copy)
    }
}

impl<B: Clone> TryCloneBody for B {
    #[inline]
    fn try_clone(&self) -> Option<Self> {
        Some(self.clone())
    }

    // In one go, which costs less than to fill in a request that was made empty.
    #[inline]
    fn try_clone_request(request: &Request<Self>) -> Option<Request<Self>> {
        Some(request.clone())
    }
}

impl<B: TryCloneBody> ReplayRequest for Request<B> {
    #[inline]
    fn try_clone(&self) -> Option<Self> {
        B::try_clone_request(self)
    }

    fn method(&self) -> &Method {
        self.method()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn route(&self) -> Option<u64> {
        let uri = self.uri();
        let kind = (self.method(), uri.authority(), uri.path());
        Some(route(kind, self.headers()))
    }

    fn server(&self) -> Option<&str> {
        self.uri().host()
    }
}

/// A response whose head can be read and whose body can be taken out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no HTTP response that tower-throttle knows",
    label = "needs `HttpResponse`",
    note = "`http::Response<B>` is one if `B` is an `http_body::Body`; so is `reqwest::Response`, with the feature `reqwest` of tower-throttle",
    note = "implement `HttpResponse` and `WithBody` of `tower_throttle::message` for the response type of another client"
)]
pub trait HttpResponse: Sized {
    /// The type of the body.
    type Body: Body;

    /// The response's status code.
    fn status(&self) -> StatusCode;

    /// The response's headers.
    fn headers(&self) -> &HeaderMap;

    /// The response's extensions.
    fn extensions(&self) -> &Extensions;

    /// The response's extensions, in which a middleware leaves marks for those above it.
    fn extensions_mut(&mut self) -> &mut Extensions;

    /// Takes head and body apart. Whatever of the response is in neither travels in the head's
    /// extensions.
    fn into_parts(self) -> (Parts, Self::Body);
}

/// A response that can be put together again around another body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no HTTP response that a layer of tower-throttle can wrap",
    label = "needs `WithBody`",
    note = "`http::Response<B>` is one if `B` is an `http_body::Body`; so is `reqwest::Response`, with the feature `reqwest` of tower-throttle",
    note = "implement `HttpResponse` and `WithBody` of `tower_throttle::message` for the response type of another client"
)]
pub trait WithBody<B>: HttpResponse {
    /// The response with a body of type `B`.
    type Output: HttpResponse;

    /// Puts a response together from what [`HttpResponse::into_parts`] gave, and a body.
    fn from_parts(parts: Parts, body: B) -> Self::Output;

    /// Puts the body into another one and leaves the head as it is, which may cost less than to take
    /// the response apart.
    fn map_body(self, wrap: impl FnOnce(Self::Body) -> B) -> Self::Output {
        let (parts, body) = self.into_parts();
        Self::from_parts(parts, wrap(body))
    }
}

impl<B: Body> HttpResponse for Response<B> {
    type Body = B;

    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }

    fn extensions(&self) -> &Extensions {
        self.extensions()
    }

    fn extensions_mut(&mut self) -> &mut Extensions {
        self.extensions_mut()
    }

    fn into_parts(self) -> (Parts, B) {
        self.into_parts()
    }
}

impl<B: Body, B2: Body> WithBody<B2> for Response<B> {
    type Output = Response<B2>;

    fn from_parts(parts: Parts, body: B2) -> Response<B2> {
        Response::from_parts(parts, body)
    }

    #[inline]
    fn map_body(self, wrap: impl FnOnce(B) -> B2) -> Response<B2> {
        self.map(wrap)
    }
}

/// A way back to the gate for what the body of a refused response says.
///
/// A middleware that admits requests, such as [`AdaptiveConcurrency`](crate::AdaptiveConcurrency), sees only
/// the head of a response, and leaves this in its extensions. It tells the retry layer above that the gate
/// keeps the shared pause. The retry layer reads the body, and passes the hint in it on by
/// [`refine`](Self::refine).
///
/// # Examples
///
/// A gate of your own, below [`RetryOn429`](crate::RetryOn429):
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
///
/// use http::Response;
/// use tower_throttle::Hint;
/// use tower_throttle::message::HintSink;
///
/// fn on_refused<B>(response: &mut Response<B>, pause: &Arc<Mutex<Option<Duration>>>) {
///     let pause = Arc::clone(pause);
///     let sink = HintSink::new(move |hint: &Hint| *pause.lock().unwrap() = hint.wait());
///     response.extensions_mut().insert(sink);
/// }
/// # on_refused(&mut Response::new(()), &Arc::default());
/// ```
#[derive(Clone)]
pub struct HintSink {
    refine: Arc<dyn Fn(&Hint) + Send + Sync>,
    place: Option<KeptPlace>,
}

impl HintSink {
    /// Creates a sink that passes each more exact hint to `refine`.
    pub fn new(refine: impl Fn(&Hint) + Send + Sync + 'static) -> Self {
        Self {
            refine: Arc::new(refine),
            place: None,
        }
    }

    /// The same, with the place in the line that the refused request may take again.
    pub(crate) fn keep_place(mut self, place: KeptPlace) -> Self {
        self.place = Some(place);
        self
    }

    /// The place in the line that the refused request may take again.
    pub(crate) fn kept_place(&self) -> Option<KeptPlace> {
        self.place
    }

    /// Passes on what the head and the body of the response say together.
    pub fn refine(&self, hint: &Hint) {
        (self.refine)(hint);
    }
}

impl fmt::Debug for HintSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HintSink")
    }
}

/// Left in the extensions of a response that no server sent for this request.
///
/// The layers of this crate answer a request themselves when it cannot be served: with a copy of the last
/// refusal of any request, or, where there was none, with an empty `503 Service Unavailable`. A response
/// without this extension is the server's own.
///
/// The request itself may have been sent and refused before.
/// [`Attempts`](crate::retry::Attempts) says how often; 0 if never.
///
/// ```
/// use tower_throttle::message::Unsent;
///
/// # fn show<B>(response: &http::Response<B>) {
/// if let Some(unsent) = Unsent::of(response.extensions()) {
///     println!("not sent ({:?}); last refused {:?} ago", unsent.cause(), unsent.last_refused());
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsent {
    pub(crate) cause: UnsentCause,
    pub(crate) since: Option<Duration>,
    pub(crate) last_refused: Option<Duration>,
}

/// Why a layer answered a request itself, and did not send it, or did not send it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnsentCause {
    /// The [circuit breaker](crate::retry#the-circuit-breaker) is open: the API serves nobody.
    CircuitOpen,
    /// The request's [`max_time`](crate::RetryOn429Layer::max_time) ended while it waited for an attempt.
    OutOfTime,
    /// The layer was closed, by [`RetryHandle::close`](crate::retry::RetryHandle::close) or
    /// [`Handle::close`](crate::concurrency::Handle::close).
    Closed,
}

impl Unsent {
    /// The mark that a layer left in a response's extensions, if the response is not the server's own.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Why the request was not sent, or not sent again.
    #[must_use]
    pub const fn cause(&self) -> UnsentCause {
        self.cause
    }

    /// How long the API had accepted nothing when this response was made. `None` if the layer knows of no
    /// outage.
    #[must_use]
    pub const fn since(&self) -> Option<Duration> {
        self.since
    }

    /// How old the copied refusal was when this response was made. `None` if the response is no copy.
    #[must_use]
    pub const fn last_refused(&self) -> Option<Duration> {
        self.last_refused
    }
}
