//! What can be seen of a gate.

use std::time::Duration;

/// A gate's numbers at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// How many requests may be in flight.
    pub limit: usize,
    /// The pace in requests per second, if the limit keeps one: [`Learned`](super::limit::Learned)
    /// does once it has found that the API counts requests per time.
    pub rate: Option<f64>,
    /// How many requests are in flight, counting permits that were granted and are not yet used.
    pub in_flight: usize,
    /// How many requests wait to be let through.
    pub waiting: usize,
    /// For how long nobody is let through, if there is a pause.
    pub pause_remaining: Option<Duration>,
    /// How many were accepted so far.
    pub accepted: u64,
    /// How many were refused so far.
    pub refused: u64,
}
