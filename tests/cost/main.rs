//! What requests cost, through all the layers, on a paused clock.

#[path = "../support/purse.rs"]
mod purse;
mod support;

mod announced;
mod lives;
#[cfg(feature = "reqwest-middleware")]
mod middleware;
mod odd;
#[cfg(feature = "json")]
mod usage;
