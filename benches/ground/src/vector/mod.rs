//! Vector's own conditions for its adaptive concurrency: its server model, the twelve conditions
//! with what its tests assert of each, and how the clients fare in them.

mod conditions;
mod model;
mod report;

pub use model::{Drawn, LastSecond, Model};
pub use report::report;
