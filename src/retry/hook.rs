//! What is done about an answer before its request is sent again.

use std::fmt;
use std::future::{Future, Pending};

use http::{HeaderMap, StatusCode};

use crate::hint::Hint;

/// Does something about an answer, such as to fetch a new token after a 401, and has the request sent
/// again.
///
/// Implemented for closures. Set it with
/// [`RetryOn429Layer::on_refusal`](super::RetryOn429Layer::on_refusal), where the rules stand.
///
/// When a token expires, all requests in flight are told at once. A lock that is held over the
/// refresh makes it one refresh: whoever comes later finds that the token is no longer the one it
/// had sent. Fetch the token with a client of its own: through this layer the fetch might be
/// answered with 401 too, and wait for the lock that it holds.
///
/// ```
/// use std::sync::Arc;
///
/// use bytes::Bytes;
/// use http::{HeaderValue, Request, StatusCode, header::AUTHORIZATION};
/// use http_body_util::Full;
/// use tokio::sync::Mutex;
/// use tower_throttle::RetryOn429Layer;
/// use tower_throttle::retry::Refusal;
///
/// # async fn fetch_token() -> Option<HeaderValue> { None }
/// # let token = HeaderValue::from_static("Bearer expires-soon");
/// let token = Arc::new(Mutex::new(token));
/// let layer = RetryOn429Layer::new().on_refusal(
///     move |refusal: Refusal<'_>, request: &Request<Full<Bytes>>| {
///         if refusal.status() != StatusCode::UNAUTHORIZED {
///             return None;
///         }
///         let (token, mut request) = (Arc::clone(&token), request.clone());
///         Some(async move {
///             let mut token = token.lock().await;
///             if request.headers().get(AUTHORIZATION) == Some(&*token) {
///                 *token = fetch_token().await?;
///             }
///             request.headers_mut().insert(AUTHORIZATION, token.clone());
///             Some(request)
///         })
///     },
/// );
/// // The first token goes into each request where it is made.
/// # fn is_hook<H: tower_throttle::retry::OnRefusal<Request<Full<Bytes>>>, C>(_: RetryOn429Layer<C, H>) {}
/// # is_hook(layer);
/// ```
///
/// Behind a gate the request goes to the end of the line, with the token that it was given. Where
/// the line may outlast a token, put the token in below the gate, when it is the request's turn: the
/// example `token_refresh` does so.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no hook for refused requests of type `{Req}`",
    note = "expected a closure `|refusal: Refusal<'_>, request: &{Req}| -> Option<F>`, where `F` is a future of `Option<{Req}>` that borrows from neither argument"
)]
pub trait OnRefusal<Req> {
    /// Resolves to the request to send, or to `None` if the answer is to be returned.
    type Future: Future<Output = Option<Req>>;

    /// Decides about an answer: `None` leaves it to the layer.
    fn on_refusal(&self, refusal: Refusal<'_>, request: &Req) -> Option<Self::Future>;
}

/// An answer that is not accepted, as an [`OnRefusal`] sees it.
#[derive(Clone, Copy)]
pub struct Refusal<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) hint: &'a Hint,
    pub(super) attempt: u32,
}

/// No hook: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHook;

impl<'a> Refusal<'a> {
    /// The answer's status code.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer's headers.
    #[must_use]
    pub const fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// What the answer says of limits: its body included if the layer takes it for a refusal.
    #[must_use]
    pub const fn hint(&self) -> &'a Hint {
        self.hint
    }

    /// How often the request was sent by now. The first attempt is 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }
}

impl fmt::Debug for Refusal<'_> {
    /// Shows no header: their values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("status", &self.status)
            .field("hint", &self.hint)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

impl<Req> OnRefusal<Req> for NoHook {
    // Takes no room in the response future.
    type Future = Pending<Option<Req>>;

    #[inline]
    fn on_refusal(&self, _: Refusal<'_>, _: &Req) -> Option<Self::Future> {
        None
    }
}

impl<Req, F, Fut> OnRefusal<Req> for F
where
    F: Fn(Refusal<'_>, &Req) -> Option<Fut>,
    Fut: Future<Output = Option<Req>>,
{
    type Future = Fut;

    fn on_refusal(&self, refusal: Refusal<'_>, request: &Req) -> Option<Fut> {
        self(refusal, request)
    }
}
