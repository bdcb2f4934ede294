//! Several processes on one limit, each with a gate of its own, through a store that may be away.

mod case;
mod drawn;
mod report;
mod run;
mod store;

use std::ops::Range;

use self::case::Case;
use self::run::{Ran, run};
use crate::runs::on_all_cores;

pub use self::report::{misses, quantiles, table};

/// How many seeds each runs with, by default.
pub const SEEDS: u64 = 3;

/// Fleets of this size run with the first seed only: members differ enough.
const LARGE: usize = 100;

/// A case with its runs.
#[derive(Clone, Debug)]
pub struct Row {
    case: Case,
    runs: Vec<Ran>,
}

impl Row {
    fn mean(&self, of: impl Fn(&Ran) -> f64) -> f64 {
        self.runs.iter().map(of).sum::<f64>() / self.runs.len() as f64
    }
}

/// Every case of which the name is wanted, with each seed: those that have names, or `count` of each kind, drawn by a seed.
pub fn rows(
    seeds: &Range<u64>,
    drawn: Option<(usize, u64)>,
    wanted: impl Fn(&str) -> bool,
) -> Vec<Row> {
    let mut all = drawn.map_or_else(case::all, |(count, draw)| drawn::of_each(count, draw));
    all.retain(|case| wanted(&case.name));
    let seeds_of = |case: &Case| match case.members {
        LARGE.. => seeds.start..seeds.end.min(seeds.start + 1),
        _ => seeds.clone(),
    };
    let work: Vec<(usize, u64)> = (0..all.len())
        .flat_map(|index| seeds_of(&all[index]).map(move |seed| (index, seed)))
        .collect();
    let ran = on_all_cores(&work, |(index, seed)| run(&all[*index], *seed));
    let mut ran = ran.into_iter();
    let row = |case: Case| Row {
        runs: ran.by_ref().take(seeds_of(&case).count()).collect(),
        case,
    };
    all.into_iter().map(row).collect()
}
