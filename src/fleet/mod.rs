//! Several processes and machines that share one limit.
//!
//! The gates of one process share what they know. Ten processes with one API key do not: each is refused for what the
//! others send. A [`Fleet`] makes them behave as one. Its members hold *leases*, shares of the limit that hold for a
//! second, and each reports once in half a second to a [`Store`], such as [`redis`]. No request waits for that:
//! a gate takes from its lease under its own lock.
//!
//! # Examples
//!
//! With the defaults, two gates of one process share what a third could not tell them; with the feature `redis`,
//! replace [`Local`] by `redis::Redis`, and they may be on two machines:
//!
//! ```
//! use tower_throttle::AdaptiveConcurrencyLayer;
//! use tower_throttle::fleet::{Fleet, Local};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let fleet = Fleet::new(Local::new());
//! tokio::spawn(fleet.clone().run());
//! let one = AdaptiveConcurrencyLayer::new().lease(fleet.clone());
//! let other = AdaptiveConcurrencyLayer::new().lease(fleet.clone());
//! # drop((one, other));
//! # }
//! ```
//!
//! A limit that is known is stated, and divided:
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_throttle::AdaptiveConcurrencyLayer;
//! use tower_throttle::fleet::{Capacity, Fleet, Local};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let fleet = Fleet::new(Local::new())
//!     .capacity(Capacity::unknown().rate(20.0, 20).places(40))
//!     .period(Duration::from_millis(200));
//! tokio::spawn(fleet.clone().run());
//! let one = AdaptiveConcurrencyLayer::new().lease(fleet.clone());
//! let other = AdaptiveConcurrencyLayer::new().lease(fleet.clone());
//! let handles = [one.handle(), other.handle()];
//!
//! tokio::time::sleep(Duration::from_secs(1)).await;
//! assert_eq!(handles.map(|handle| handle.rate().map(f64::round)), [Some(10.0), Some(10.0)]);
//! assert_eq!(fleet.members().await.unwrap().len(), 2);
//! # drop((one, other));
//! fleet.leave().await;
//! # }
//! ```
//!
//! # The rules
//!
//! - **Shared** are pauses, quotas that headers tell, what was found out, and shares of places and of the pace. Lines,
//!   requests and permits are not.
//! - **A limit that is stated or told** is divided max-min fair, by what each member wants. Nobody gets more than what
//!   the others leave, so the sum of all shares never exceeds the limit. The gate's own limit goes on beside its share;
//!   the least of both binds. Places that cannot be divided equally go round, each for four seconds.
//! - **A limit that nobody knows** is found out by one member, the *leader*, with its own gate's limit, and divided in the
//!   same way. Until somebody is refused, what the leader finds in its share is taken for what all would find in theirs,
//!   up to twice as much in a period. From then on the leader may try a tenth of the whole beside its share. The others
//!   keep what they are given, so nothing has to be learned from a distance; one that is refused takes a place, or 8 to
//!   20 % of its pace, from the whole. As many as were in flight then are not tried again for two periods, by nobody, and
//!   for twice as long whenever they are refused again, up to 32. If more had been accepted before, the server counts
//!   something else, and nothing is kept from being tried for 120. A leader that has no more work than places hands over
//!   to one that has.
//! - **Members that were out of reach** bring shares that others have got meanwhile. What is refused until all have reported
//!   again says nothing of their new shares, and their own limits are lifted to these.
//! - **A member that is not heard of** for two periods is gone, and its share is the others'. [`Fleet::leave`] gives it
//!   back at once.
//! - **A store that is slow or away** holds up nobody. Each keeps the share that it had; together they are the limit.
//!   A refusal then takes a tenth of a follower's share. After 30 s it goes on alone, from there. A store that comes back
//!   empty is told what everybody has, and gives nobody more for four periods.
//!
//! A gate that joins sends nothing before the store has answered it twice, which takes a period, or has failed to once.
//! [`guide::fleet`](crate::guide::fleet) has the figures.

mod book;
#[expect(clippy::module_inception, reason = "a file for the type of that name")]
mod fleet;
mod keeper;
#[cfg(feature = "redis")]
pub mod redis;
mod report;
mod store;

pub use self::book::Book;
pub use self::fleet::Fleet;
pub use self::report::{Capacity, Grant, Report, Row};
pub use self::store::{Local, Store};
pub use crate::concurrency::{Lease, Member, Role, Share, Tally};
