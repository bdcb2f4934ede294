//! A program that runs twice: what the second run saves that begins with what the first has learned.

mod cases;
mod drawn;
mod report;
mod run;

use std::ops::Range;

pub use report::{misses, table};

use crate::runs::on_all_cores;
use cases::Case;
use run::Ran;

/// How many seeds each runs with, by default.
pub const SEEDS: u64 = 12;

/// All seeds of a case.
#[derive(Clone, Debug)]
pub struct Row {
    case: Case,
    /// Each with its seed's own second run that begins with nothing.
    runs: Vec<Ran>,
}

impl Row {
    fn mean(&self, of: impl Fn(&Ran) -> f64) -> f64 {
        self.runs.iter().map(of).sum::<f64>() / self.runs.len() as f64
    }
}

/// Every case that has a name, and then those that are drawn.
pub fn rows(seeds: &Range<u64>, draw: u64) -> Vec<Row> {
    let named = cases::all().into_iter().map(|case| (case, seeds.clone()));
    let drawn = drawn::all(draw).into_iter().map(|case| (case, 1..2));
    let all: Vec<(Case, Range<u64>)> = named.chain(drawn).collect();
    let work: Vec<(usize, u64)> = all
        .iter()
        .enumerate()
        .flat_map(|(row, (_, seeds))| seeds.clone().map(move |seed| (row, seed)))
        .collect();
    let runs = on_all_cores(&work, |(row, seed)| run::run(&all[*row].0, *seed));
    let mut runs = runs.into_iter();
    let of_each = |(case, seeds): (Case, Range<u64>)| Row {
        case,
        runs: runs.by_ref().take(seeds.count()).collect(),
    };
    all.into_iter().map(of_each).collect()
}
