//! Scenarios composed at random: a limit, and beside it hints, random refusals, an outage, a move of the
//! limit, arrivals and clients, each drawn independently of the others.

mod axes;
mod bounds;
mod limit;
mod plain;
mod report;

use sim::work::rng;

use crate::scenario::{Patience, Scenario};

pub use bounds::{checked, misses};
pub use plain::rows;
pub use report::{by_name, report};

/// Far enough from the best possible for a client that does not end.
pub const PATIENCE: Patience = Patience {
    times: 100.0,
    seconds: 1000.0,
};

/// A number of scenarios, the same for the same seed. The first do not depend on how many there are.
pub fn scenarios(count: usize, seed: u64) -> Vec<Scenario> {
    (1..=count).map(|index| compose(index, seed)).collect()
}

fn compose(index: usize, seed: u64) -> Scenario {
    let rng = &mut rng(seed, (1 << 40 | index) as u64);
    let (mut scenario, moving) = limit::draw(rng, format!("c{index}").leak());
    scenario.patience = PATIENCE;
    let mut title = vec![scenario.title.to_owned()];
    title.extend(axes::hints(rng, &mut scenario));
    title.extend(axes::random(rng, &mut scenario));
    title.extend(axes::arrivals(rng, &mut scenario));
    title.extend(axes::clients(rng, &mut scenario));
    // These fall where there is work to do.
    title.extend(axes::outage(rng, &mut scenario));
    title.extend(axes::moves(rng, &mut scenario, moving));
    scenario.title = title.join(", ").leak();
    scenario
}

/// A moment at which the best possible client has done some of the work.
fn amid(rng: &mut fastrand::Rng, scenario: &Scenario) -> f64 {
    let finished = scenario.best(&scenario.jobs(1));
    let share = 0.05 + 0.75 * rng.f64();
    finished[(share * finished.len() as f64) as usize]
        .at
        .floor()
}

/// One of these, each as likely.
fn one<T: Copy>(rng: &mut fastrand::Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}

#[cfg(test)]
mod tests;
