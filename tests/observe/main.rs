//! What observers are told of both layers.

mod alloc;
mod golden;
mod hooks;
mod reasons;
mod retries;
mod support;
