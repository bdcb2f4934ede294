//! What bounds a gate from outside: a share of a limit that other processes have a part of as well.

mod hold;
mod leased;
mod member;
mod pace;
mod share;
mod tenure;

use std::fmt;

pub use self::member::{Member, Tally};
pub use self::share::{Role, Share};

/// Bounds a gate from outside: how many places it has, and what pace it may keep.
///
/// Given to [`AdaptiveConcurrencyLayer::lease`](crate::AdaptiveConcurrencyLayer::lease).
/// [`Fleet`](crate::fleet::Fleet) is one that shares a limit among processes. Another is written by keeping the
/// [`Member`] that [`join`](Self::join) gives, and by telling it its [`Share`] from time to time.
///
/// # Examples
///
/// Two processes that divide the places of an API without a word between them:
///
/// ```
/// use tower_throttle::AdaptiveConcurrencyLayer;
/// use tower_throttle::fleet::{Lease, Member, Share};
///
/// #[derive(Debug)]
/// struct Half;
///
/// impl Lease for Half {
///     fn join(&self, member: Member) {
///         member.set(Share::bounded().places(20));
///     }
/// }
///
/// let layer = AdaptiveConcurrencyLayer::new().initial_limit(100).lease(Half);
/// assert_eq!(layer.handle().limit(), 20);
/// ```
pub trait Lease: fmt::Debug + Send + Sync + 'static {
    /// A gate was made that this bounds from now on. Called once for each gate, and not under its lock.
    ///
    /// Until it is told a share, the gate has its own limit.
    fn join(&self, member: Member);
}
