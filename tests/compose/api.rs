//! What the public API promises beyond the behaviour of each layer.

mod builders;
mod limits;
mod names;
mod wrappers;
