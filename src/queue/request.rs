//! What is asked of each request.

use std::time::Duration;

use crate::priority::Priority;

/// Tells the class of a request.
///
/// Implemented for closures from `&Request` to [`Priority`]. Set it with
/// [`QueueLayer::priority`](super::QueueLayer::priority).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell the class of a request of type `{Req}`",
    note = "expected a closure `|request: &{Req}| -> Priority`"
)]
pub trait PriorityOf<Req> {
    /// The class of `request`. `None` leaves it to the layers above.
    fn priority(&self, request: &Req) -> Option<Priority>;
}

impl<F: Fn(&Req) -> Priority, Req> PriorityOf<Req> for F {
    fn priority(&self, request: &Req) -> Option<Priority> {
        Some(self(request))
    }
}

/// Leaves the class of a request to the layers above: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPriority;

impl<Req> PriorityOf<Req> for NoPriority {
    fn priority(&self, _: &Req) -> Option<Priority> {
        None
    }
}

/// Tells how much time a request has.
///
/// Implemented for closures from `&Request` to `Option<Duration>`. Set it with
/// [`QueueLayer::deadline`](super::QueueLayer::deadline).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell the deadline of a request of type `{Req}`",
    note = "expected a closure `|request: &{Req}| -> Option<Duration>`: the time that is left"
)]
pub trait DeadlineOf<Req> {
    /// The time that is left until the deadline of `request`, which is called now. `None` if it has none.
    fn time_left(&self, request: &Req) -> Option<Duration>;
}

impl<F: Fn(&Req) -> Option<Duration>, Req> DeadlineOf<Req> for F {
    fn time_left(&self, request: &Req) -> Option<Duration> {
        self(request)
    }
}

/// No deadlines: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDeadline;

impl<Req> DeadlineOf<Req> for NoDeadline {
    fn time_left(&self, _: &Req) -> Option<Duration> {
        None
    }
}
