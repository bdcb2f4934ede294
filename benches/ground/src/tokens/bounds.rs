//! What our clients that are told costs are held to.

use sim::hints::Style;

use crate::check::{self, Figure};
use crate::scenario::Bounds;
use crate::table::Row;

/// The kinds that are checked, and the rival that they are held against.
pub const CHECKED: [&str; 3] = ["throttle-cost", "throttle-announced", "throttle-net"];

/// What is to be reached: where the API tells its quotas, and where it does not.
const TOLD: (f64, f64) = (1.02, 3.0);
const LEARNED: (f64, f64) = (1.05, 20.0);

/// What misses that: by scenario and kind, the makespan over the best and the refusals per 1,000 jobs that hold today, and
/// why.
const MISSED: &[(&str, &str, (f64, f64), &str)] = &[];

/// Every figure that is over its bound.
pub fn misses(rows: &[Row]) -> Vec<String> {
    let ours = rows.iter().filter(|row| row.kind.ours);
    ours.flat_map(|row| {
        let (name, kind) = (row.scenario.name, row.kind.name);
        let bounded = bounded(row);
        let rivals = rows
            .iter()
            .filter(|rival| rival.scenario.name == name && !rival.kind.ours);
        let rivals: Vec<&Row> = rivals.collect();
        let is_known = MISSED
            .iter()
            .any(|missed| (missed.0, missed.1) == (name, kind));
        let misses = check::misses(&bounded, if is_known { &[] } else { &rivals });
        misses
            .into_iter()
            .map(move |miss: Figure| format!("{name}, {kind}: {miss}"))
    })
    .collect()
}

/// The row with its bounds.
fn bounded(row: &Row) -> Row {
    let mut row = row.clone();
    let known = MISSED
        .iter()
        .find(|missed| (missed.0, missed.1) == (row.scenario.name, row.kind.name));
    let goal = match row.scenario.api.hints {
        Style::None | Style::RetryAfter => LEARNED,
        _ => TOLD,
    };
    let (ratio, refused) = known.map_or(goal, |known| known.2);
    row.scenario.bounds = Bounds {
        ratio,
        refused,
        peak: None,
    };
    row
}
