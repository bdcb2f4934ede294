//! Classes, deadlines and bounded waits, on a paused clock.

mod support;

mod alloc;
mod bound;
mod buffer;
mod classes;
mod deadline;
mod drops;
mod estimate;
#[cfg(feature = "reqwest-middleware")]
mod middleware;
mod programs;
mod reject;
mod retries;
mod types;
mod waits;
