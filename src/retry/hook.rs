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
