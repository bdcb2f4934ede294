//! How to use this crate well, beyond what one item's documentation can say.
//!
//! - [`order`]: which layer goes where, beside tower's, tower-http's and a cache, and why.

pub mod order;
