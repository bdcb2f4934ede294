//! What observers are told of both layers.

mod alloc;
mod golden;
mod hooks;
mod layers;
#[cfg(feature = "metrics")]
mod metrics;
mod reasons;
mod retries;
mod support;
#[cfg(feature = "tracing")]
mod tracing;
