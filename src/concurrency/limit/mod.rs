//! The algorithms that decide how much may be in flight, and when.

mod aimd;
mod event;
mod fixed;
mod gradient2;
mod learned;
mod level;
mod reason;
mod vegas;

use std::fmt;
use std::time::Duration;

pub use self::aimd::Aimd;
pub use self::event::{Headroom, Load, Now, Outcome, Sent};
pub use self::fixed::Fixed;
pub use self::gradient2::Gradient2;
pub use self::learned::Learned;
use self::reason::Compact;
pub use self::reason::{Circuit, Reason, Reasons};
// For the sweep of the numbers in `benches/ground`: not a part of the public API.
#[doc(hidden)]
pub use self::learned::Tuning;
pub use self::vegas::Vegas;
use super::learnt::Learnt;
use crate::cost::Cost;
use crate::hint::Hint;

/// The limit to start with, unless told otherwise.
pub(crate) const DEFAULT_INITIAL: usize = 4;
/// The least that a limit shrinks to, unless told otherwise.
pub(crate) const DEFAULT_MIN: usize = 1;
/// The most that a limit grows to, unless told otherwise.
pub(crate) const DEFAULT_MAX: usize = 1000;

/// Decides how many requests may be in flight, and when the next may go.
///
/// An implementation does no I/O and reads no clock of its own: the gate tells it the time and
/// what happened. The gate calls it under its lock, so every method must be quick, must not block
/// and must not panic.
///
/// # Examples
///
/// A limit that starts at 10 and halves with each 503, and a test of it:
///
/// ```
/// use std::time::Duration;
///
/// use http::StatusCode;
/// use tower_throttle::concurrency::limit::{Headroom, Limit, Load, Now, Outcome, Sent};
/// use tower_throttle::{AdaptiveConcurrencyLayer, Hint};
///
/// #[derive(Clone, Debug)]
/// struct Halving(usize);
///
/// impl Limit for Halving {
///     fn headroom(&mut self, _: &Now, load: Load) -> Headroom {
///         Headroom::of(self.0, load)
///     }
///
///     fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {}
///
///     fn on_outcome(&mut self, _: &Now, _: &Sent, outcome: Outcome<'_>, _: Load) {
///         if let Outcome::Refused { status: StatusCode::SERVICE_UNAVAILABLE, .. } = outcome {
///             self.0 = (self.0 / 2).max(1);
///         }
///     }
///
///     fn limit(&self) -> usize {
///         self.0
///     }
///
///     fn set_limit(&mut self, limit: usize) {
///         self.0 = limit;
///     }
///
///     fn set_bounds(&mut self, min: usize, max: usize) {
///         self.0 = self.0.clamp(min, max);
///     }
/// }
///
/// let mut limit = Halving(10);
/// let (start, load) = (Duration::ZERO, Load::new(1, 0));
/// let sent = Sent::new(0, Some(start), load.in_flight);
/// limit.on_send(&Now::at(start), &sent, load);
///
/// let hint = Hint::default();
/// let refused = Outcome::refused(StatusCode::SERVICE_UNAVAILABLE, &hint);
/// limit.on_outcome(&Now::at(Duration::from_secs(1)), &sent, refused, Load::new(0, 0));
/// assert_eq!(limit.limit(), 5);
///
/// let layer = AdaptiveConcurrencyLayer::with_limit(Halving(10));
/// # let _ = layer;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no limit of requests in flight",
    label = "expected a `Limit`",
    note = "the crate's own are `Learned` (the default), `Fixed`, `Aimd`, `Vegas` and `Gradient2`, in `tower_throttle::concurrency::limit`",
    note = "for a number of requests, give the layer `Fixed::new(number)`"
)]
pub trait Limit: fmt::Debug + Send + 'static {
    /// Returns how many more requests may go now, and when time alone will allow more.
    fn headroom(&mut self, now: &Now, load: Load) -> Headroom;

    /// The same if it is known before it is sent what the next request costs: the first of those that wait, or one that
    /// has not joined them yet. By default a cost makes no difference.
    fn headroom_for(&mut self, now: &Now, load: Load, next: &Cost) -> Headroom {
        let _ = next;
        self.headroom(now, load)
    }

    /// A request was let through; `load` includes it.
    ///
    /// It is sent a moment later, so [`Sent::at`] is `None` here, whatever [`Limit::wants_time`] says.
    fn on_send(&mut self, now: &Now, sent: &Sent, load: Load);

    /// Returns whether it matters when the request `seq`, of which [`Limit::on_send`] was just told, is sent.
    /// If not, no clock is read for it, and [`Sent::at`] is `None`. By default it does.
    fn wants_time(&self, seq: u64, load: Load) -> bool {
        let _ = (seq, load);
        true
    }

    /// A request that was let through costs `cost`; before, it counted as [`Sent::cost`]. Nothing by default.
    ///
    /// Called when the request is sent, if its cost is told; when the cost is
    /// [settled](crate::cost::Charge::settle), before or after the request's outcome; and with [`Cost::FREE`] if the
    /// cost was announced, and the permit was given back without a request. A refused request costs nothing, and
    /// that is not told again.
    fn on_cost(&mut self, now: &Now, sent: &Sent, cost: Cost) {
        let _ = (now, sent, cost);
    }

    /// A request that was let through was answered, failed, or was given up. `load` no longer
    /// includes it if its permit came back with the outcome.
    fn on_outcome(&mut self, now: &Now, sent: &Sent, outcome: Outcome<'_>, load: Load);

    /// The body of a refused answer was read, after [`Limit::on_outcome`] was told of its head; `hint` is what both
    /// say. Nothing by default.
    fn on_refined(&mut self, now: &Now, sent: &Sent, hint: &Hint) {
        let _ = (now, sent, hint);
    }

    /// For how long nobody is let through because of the refusal that [`Limit::on_outcome`] was
    /// just told of, or of which the body has just been read. By default as long as the server
    /// asked.
    fn pause_for(&mut self, now: &Now, hint: &Hint) -> Option<Duration> {
        let _ = now;
        hint.wait()
    }

    /// The number of requests that may be in flight.
    fn limit(&self) -> usize;

    /// The pace in requests per second, if this limit keeps one. By default none.
    fn rate(&self) -> Option<f64> {
        None
    }

    /// Whether requests flow, if this limit has a circuit breaker. By default they do.
    fn circuit(&self) -> Circuit {
        Circuit::Closed
    }

    /// Why the limit, the rate and the circuit breaker are what they are now: what an
    /// [`Observer`](crate::observe::Observer) is told when one of them changes. By default no reason is given.
    ///
    /// ```
    /// # use tower_throttle::concurrency::limit::{Headroom, Limit, Load, Now, Outcome, Sent};
    /// use tower_throttle::concurrency::limit::{Reason, Reasons};
    ///
    /// #[derive(Clone, Debug)]
    /// struct Halving {
    ///     limit: usize,
    ///     why: Reason,
    /// }
    ///
    /// impl Limit for Halving {
    ///     fn on_outcome(&mut self, _: &Now, _: &Sent, outcome: Outcome<'_>, _: Load) {
    ///         if let Outcome::Refused { .. } = outcome {
    ///             self.limit = (self.limit / 2).max(1);
    ///             self.why = Reason::Refused;
    ///         }
    ///     }
    ///
    ///     fn reasons(&self) -> Reasons {
    ///         Reasons::of_limit(self.why)
    ///     }
    /// #     fn headroom(&mut self, _: &Now, load: Load) -> Headroom { Headroom::of(self.limit, load) }
    /// #     fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {}
    /// #     fn limit(&self) -> usize { self.limit }
    /// #     fn set_limit(&mut self, limit: usize) { self.limit = limit; }
    /// #     fn set_bounds(&mut self, min: usize, max: usize) { self.limit = self.limit.clamp(min, max); }
    ///     // ...
    /// }
    /// ```
    fn reasons(&self) -> Reasons {
        Reasons::default()
    }

    /// Sets the number of requests that may be in flight; learning goes on from there.
    fn set_limit(&mut self, limit: usize);

    /// More of a limit that several share is this one's from now on, or less if negative: `places` requests in
    /// flight and `rate` requests per second. What was found out stays, moved by that. Nothing new was seen: it is no
    /// evidence for or against anything.
    ///
    /// By default the limit is [set](Self::set_limit) to the sum, within its bounds, and the rate is ignored.
    fn shift(&mut self, now: &Now, places: isize, rate: f64) {
        let _ = (now, rate);
        self.set_limit(self.limit().saturating_add_signed(places));
    }

    /// Returns what was learned, for the next run. By default the limit alone.
    fn learnt(&self, now: &Now) -> Learnt {
        let _ = now;
        Learnt::new(self.limit())
    }

    /// Begins with what another gate has learned. The gate has taken off what is too old, so all times are counted
    /// from `now`; and it keeps the pause. By default the limit is [set](Self::set_limit) to that of the record.
    fn resume(&mut self, now: &Now, learnt: &Learnt) {
        let _ = now;
        self.set_limit(learnt.limit());
    }

    /// Forgets what was learned, and begins anew at `initial` requests in flight. Bounds stay. Requests that are in
    /// flight end later, and say nothing of what comes. By default the limit is [set](Self::set_limit) to `initial`.
    fn forget(&mut self, now: &Now, initial: usize) {
        let _ = now;
        self.set_limit(initial);
    }

    /// Bounds the limit from now on, both ends included.
    fn set_bounds(&mut self, min: usize, max: usize);

    /// Sets the longest time for which anybody may be held back, whatever the server asked or the limit
    /// learned. Does nothing by default: a limit that never waits for time has no use for it.
    fn set_max_wait(&mut self, max: Duration) {
        let _ = max;
    }

    /// Begins all random numbers anew from `seed`, so that a run can be repeated. By default nothing:
    /// a limit that draws none has no use for it.
    fn set_seed(&mut self, seed: u64) {
        let _ = seed;
    }
}

impl<L: Limit + ?Sized> Limit for Box<L> {
    fn headroom(&mut self, now: &Now, load: Load) -> Headroom {
        (**self).headroom(now, load)
    }

    fn headroom_for(&mut self, now: &Now, load: Load, next: &Cost) -> Headroom {
        (**self).headroom_for(now, load, next)
    }

    fn on_send(&mut self, now: &Now, sent: &Sent, load: Load) {
        (**self).on_send(now, sent, load);
    }

    fn wants_time(&self, seq: u64, load: Load) -> bool {
        (**self).wants_time(seq, load)
    }

    fn on_outcome(&mut self, now: &Now, sent: &Sent, outcome: Outcome<'_>, load: Load) {
        (**self).on_outcome(now, sent, outcome, load);
    }

    fn on_cost(&mut self, now: &Now, sent: &Sent, cost: Cost) {
        (**self).on_cost(now, sent, cost);
    }

    fn on_refined(&mut self, now: &Now, sent: &Sent, hint: &Hint) {
        (**self).on_refined(now, sent, hint);
    }

    fn pause_for(&mut self, now: &Now, hint: &Hint) -> Option<Duration> {
        (**self).pause_for(now, hint)
    }

    fn limit(&self) -> usize {
        (**self).limit()
    }

    fn rate(&self) -> Option<f64> {
        (**self).rate()
    }

    fn circuit(&self) -> Circuit {
        (**self).circuit()
    }

    fn reasons(&self) -> Reasons {
        (**self).reasons()
    }

    fn set_limit(&mut self, limit: usize) {
        (**self).set_limit(limit);
    }

    fn shift(&mut self, now: &Now, places: isize, rate: f64) {
        (**self).shift(now, places, rate);
    }

    fn learnt(&self, now: &Now) -> Learnt {
        (**self).learnt(now)
    }

    fn resume(&mut self, now: &Now, learnt: &Learnt) {
        (**self).resume(now, learnt);
    }

    fn forget(&mut self, now: &Now, initial: usize) {
        (**self).forget(now, initial);
    }

    fn set_bounds(&mut self, min: usize, max: usize) {
        (**self).set_bounds(min, max);
    }

    fn set_max_wait(&mut self, max: Duration) {
        (**self).set_max_wait(max);
    }

    fn set_seed(&mut self, seed: u64) {
        (**self).set_seed(seed);
    }
}
