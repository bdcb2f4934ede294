//! What requests cost, through all the layers, on a paused clock.

mod support;

mod announced;
#[cfg(feature = "reqwest-middleware")]
mod middleware;
#[cfg(feature = "json")]
mod usage;
