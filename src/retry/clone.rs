//! What a layer does with the requests themselves.

use http::HeaderMap;
use http::response::Parts;

use super::idempotency;
use crate::message::ReplayRequest;

/// Copies requests for another attempt, and tells what may be done with them.
///
/// [`Replay`], the default, does it for every [`ReplayRequest`]: the requests of the `http` crate and,
/// with the feature `reqwest`, reqwest's. Requests of other types need a closure, or an implementation
/// of this trait: see [`RetryOn429Layer::clone_request`](super::RetryOn429Layer::clone_request).
///
/// The closure alone leaves the other methods at their defaults: nothing is known of the request but
/// how to copy it.
#[diagnostic::on_unimplemented(
    message = "`RetryOn429` cannot copy requests of type `{Req}` for another attempt",
    note = "a request of the `http` crate needs a body that is `Clone`: wrap a stream in `ReplayBody`, or in `SingleUse`",
    note = "for a request of another type, give the layer a closure: `.clone_request(|request: &{Req}| Some(request.clone()))`"
)]
pub trait CloneRequest<Req> {
    /// A copy: one of the two is sent now, the other is kept for another attempt.
    ///
    /// The first attempt sends the request itself, so that it reaches the inner service as it came.
    /// `None` says that the request cannot be sent twice: it gets one attempt, never an error.
    fn clone_request(&self, request: &Req) -> Option<Req>;

    /// Makes the request ready to be copied. Called once, before the first attempt, and of what a
    /// [hook](super::RetryOn429Layer::on_refusal) gives.
    ///
    /// By default it does nothing. `buffer` is what
    /// [`buffer_bodies`](super::RetryOn429Layer::buffer_bodies) was given, if anything.
    fn prepare(&self, request: &mut Req, buffer: Option<usize>) {
        let _ = (request, buffer);
    }

    /// Whether the request may be sent again though the server may have served it already.
    ///
    /// By default it may not, and only refusals are retried, and what a hook sends again.
    fn is_repeatable(&self, request: &Req) -> bool {
        let _ = request;
        false
    }

    /// The request's headers, to add those that the layer was asked to add.
    ///
    /// `None` by default: none are added.
    fn headers_mut<'a>(&self, request: &'a mut Req) -> Option<&'a mut HeaderMap> {
        let _ = request;
        None
    }

    /// What kind of request it is, as a number. One kind may be refused for good while another is served.
    ///
    /// `None` by default: nothing is known of it, and what is said to one is said to all.
    fn route(&self, request: &Req) -> Option<u64> {
        let _ = request;
        None
    }

    /// The host that the request is for, to tell [observers](crate::observe). `None` by default: it is not known.
    fn server<'a>(&self, request: &'a Req) -> Option<&'a str> {
        let _ = request;
        None
    }

    /// Marks the head of an answer that was made for another request as the answer to this one. By default
    /// it says nothing of its request, and is left as it is.
    fn mark_response(&self, request: &Req, parts: &mut Parts) {
        let _ = (request, parts);
    }
}

/// Handles requests as their [`ReplayRequest`] says: the default.
///
/// Those of an idempotent method ([RFC 9110, section 9.2.2]) may be repeated, and those with an
/// `Idempotency-Key`.
///
/// [RFC 9110, section 9.2.2]: https://www.rfc-editor.org/rfc/rfc9110.html#section-9.2.2
#[derive(Clone, Copy, Debug, Default)]
pub struct Replay;

impl<Req: ReplayRequest> CloneRequest<Req> for Replay {
    #[inline]
    fn clone_request(&self, request: &Req) -> Option<Req> {
        request.try_clone()
    }

    #[inline]
    fn prepare(&self, request: &mut Req, buffer: Option<usize>) {
        request.prepare(buffer);
    }

    fn is_repeatable(&self, request: &Req) -> bool {
        request.method().is_idempotent() || request.headers().contains_key(idempotency::HEADER)
    }

    #[inline]
    fn headers_mut<'a>(&self, request: &'a mut Req) -> Option<&'a mut HeaderMap> {
        Some(request.headers_mut())
    }

    fn route(&self, request: &Req) -> Option<u64> {
        request.route()
    }

    fn server<'a>(&self, request: &'a Req) -> Option<&'a str> {
        request.server()
    }

    fn mark_response(&self, request: &Req, parts: &mut Parts) {
        request.mark_response(parts);
    }
}

impl<Req, F> CloneRequest<Req> for F
where
    F: Fn(&Req) -> Option<Req>,
{
    fn clone_request(&self, request: &Req) -> Option<Req> {
        self(request)
    }
}
