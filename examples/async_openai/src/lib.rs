//! The parts of the example, for its tests.

pub mod api;
pub mod client;
pub mod jobs;
