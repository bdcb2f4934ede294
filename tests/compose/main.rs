//! Both layers together, and among tower's other layers.

#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "json")]
mod adverse;
mod api;
#[cfg(feature = "batch")]
mod batch;
#[cfg(feature = "json")]
mod outages;
mod random;
mod stack;
mod tower;
