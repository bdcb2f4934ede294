//! Vector's own conditions for its adaptive concurrency: its server model, the twelve conditions
//! with what its tests assert of each, and how the clients fare in them.

mod conditions;
mod model;
mod report;

pub use model::{Drawn, LastSecond, Model};
pub use report::report;

/// The scenario of a condition.
#[cfg(test)]
pub fn condition(name: &str) -> crate::scenario::Scenario {
    let condition = conditions::all()
        .into_iter()
        .find(|c| c.scenario.name == name);
    condition.expect("a condition").scenario
}
