//! The gate: one lock around plain data, one line, one timer.

mod alarm;
mod bodies;
mod carry;
mod estimate;
mod flow;
mod grant;
mod line;
mod observed;
mod pause;
mod permit;
mod queue;
mod shared;
mod state;
mod tell;
mod time;
mod turn;
mod wakes;

#[cfg(all(test, not(throttle_loom)))]
mod line_tests;
#[cfg(all(test, not(throttle_loom)))]
mod place_tests;

#[cfg(all(test, throttle_loom))]
mod loom_tests;
#[cfg(all(test, throttle_loom))]
mod loom_time;

pub use self::bodies::DEFAULT_BODY_IDLE;
pub(super) use self::permit::Slot;
pub(crate) use self::permit::{Admission, Permit};
pub(crate) use self::shared::Gate;
