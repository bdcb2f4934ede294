//! What our clients that are told costs are held to.

use sim::hints::Style;

use crate::check;
use crate::scenario::{Bounds, Scenario};
use crate::table::Row;

/// The kinds that are checked, and the rival that they are held against.
pub const CHECKED: [&str; 3] = ["throttle-cost", "throttle-announced", "throttle-net"];

/// What is to be reached, makespan over the best and refusals per 1,000 jobs: where the API tells its quotas, and where it
/// does not.
const TOLD: (f64, f64) = (1.02, 3.0);
const LEARNED: (f64, f64) = (1.05, 20.0);

/// What misses that, or refuses more than a tenth of what the rival does: the scenario, and the same two that hold today.
const MISSED: [(&str, (f64, f64)); 17] = [
    ("tok-ln", (1.07, 20.6)),
    ("tok-ln-ra", (1.06, 18.6)),
    ("tok-ln-openai", (1.02, 3.6)),
    ("tok-ph", (1.05, 21.0)),
    ("tok-ph-ra", (1.05, 20.0)),
    ("tok-deep", (1.05, 19.6)),
    ("tok-deep-ra", (1.05, 12.5)),
    ("both-ph", (1.09, 26.5)),
    ("both-ph-ra", (1.06, 23.0)),
    ("in-out-untold", (1.05, 27.6)),
    ("azure-bi", (1.02, 4.1)),
    ("places-random", (1.87, 10.0)),
    ("rpm-random", (1.53, 28.0)),
    ("tok-random", (3.72, 27.4)),
    ("tok-random-openai", (1.02, 3.6)),
    ("late-output", (1.14, 53.0)),
    ("late-output-ra", (1.11, 45.0)),
];

/// The scenario with the bounds that are to be reached.
pub fn to_goal(mut scenario: Scenario) -> Scenario {
    let (ratio, refused) = match scenario.api.hints {
        Style::None | Style::RetryAfter => LEARNED,
        _ => TOLD,
    };
    scenario.bounds = Bounds {
        ratio,
        refused,
        peak: None,
    };
    scenario
}

/// Every figure that is over its bound.
pub fn misses(rows: &[Row]) -> Vec<String> {
    let mut all = Vec::new();
    for row in rows.iter().filter(|row| row.kind.ours) {
        let name = row.scenario.name;
        let is_rival = |other: &&Row| other.scenario.name == name && !other.kind.ours;
        let mut rivals: Vec<&Row> = rows.iter().filter(is_rival).collect();
        let mut row = row.clone();
        if let Some((_, (ratio, refused))) = MISSED.iter().find(|missed| missed.0 == name) {
            row.scenario.bounds.ratio = *ratio;
            row.scenario.bounds.refused = *refused;
            rivals.clear();
        }
        let misses = check::misses(&row, &rivals).into_iter();
        all.extend(misses.map(|miss| format!("{name}, {}: {miss}", row.kind.name)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_to_miss_exists() {
        let all = super::super::all();
        for (name, _) in MISSED {
            assert!(all.iter().any(|scenario| scenario.name == name), "{name}");
        }
    }
}
