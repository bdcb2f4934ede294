//! Cases that nobody has chosen.

use sim::work::rng;

use super::cases::{Case, MOVES_AT, NIGHT, Promise};
use crate::drawn::{log_uniform, of_each};

/// How many of each kind of limit.
const COUNT: usize = 8;

/// The kinds of limit that stay what they are for a run.
const KINDS: [&str; 6] = [
    "in-flight-",
    "bucket-",
    "bucket-hints-",
    "window-",
    "window-hints-",
    "both-",
];

/// Limits, hints, latencies, gaps and moves, the same for the same seed.
pub(super) fn all(draw: u64) -> Vec<Case> {
    let is_kind = |name: &str| {
        let kind = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
        KINDS.contains(&kind)
    };
    let drawn = of_each(COUNT, draw).into_iter();
    drawn
        .filter(|scenario| is_kind(scenario.name))
        .enumerate()
        .map(|(number, api)| {
            let mut random = rng(draw, (1 << 48) | number as u64);
            let factor = [0.5, 1.0, 2.0][random.usize(..3)];
            let gap = if factor == 1.0 {
                log_uniform(&mut random, 1.0, 2.0 * NIGHT)
            } else {
                // The move comes between the runs.
                MOVES_AT + log_uniform(&mut random, 1.0, NIGHT)
            };
            Case::new(api, gap.round(), factor, Promise::Drawn)
        })
        .collect()
}
