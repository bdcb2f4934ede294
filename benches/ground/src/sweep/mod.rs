//! What the constants of `Learned` decide: each changed by half, one at a time.

mod constants;
mod report;

use std::ops::Range;

use tower_throttle::concurrency::limit::Tuning;

use crate::check::{self, Figure};
use crate::clients::Kind;
use crate::measure::Measured;
use crate::runs;
use crate::scenario::Scenario;
use crate::table::Row;

use constants::{Change, all};

/// What a constant is multiplied by.
const FACTORS: [f64; 2] = [0.5, 1.5];

/// All that a sweep shows.
#[derive(Debug)]
pub struct Sweep {
    seeds: u64,
    scenarios: usize,
    figures: usize,
    /// What does not hold at the default values, by scenario.
    missed: Vec<(&'static str, Figure)>,
    effects: Vec<Effect>,
    /// Changes that mean nothing.
    skipped: Vec<(&'static str, f64)>,
}

/// What one change does.
#[derive(Debug)]
struct Effect {
    change: Change,
    /// Figures that hold at the default value, and no longer.
    over: Vec<Crossing>,
    /// Figures that do not hold at the default value, and now do.
    within: Vec<Crossing>,
    /// The largest rise of the makespan over the best, and of the refusals per 1,000 jobs.
    ratio: Movement,
    refused: Movement,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Crossing {
    scenario: &'static str,
    from: f64,
    to: Figure,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Movement {
    scenario: &'static str,
    by: f64,
}

/// Changes the constants of these names, or all, of a kind of client, one at a time. The rivals run once, and are what
/// the figures that depend on them are held against.
pub fn sweep(
    scenarios: &[Scenario],
    kind: fn(Tuning) -> Kind,
    names: impl Fn(&str) -> bool,
    rivals: &[Kind],
    seeds: Range<u64>,
) -> Result<Sweep, String> {
    let (mut changes, mut skipped) = (Vec::new(), Vec::new());
    for constant in all().filter(|constant| names(constant.name)) {
        for factor in FACTORS {
            match constant.times(factor, &Default::default()) {
                Some(change) => changes.push(change),
                None => skipped.push((constant.name, factor)),
            }
        }
    }
    if changes.is_empty() {
        return Err("no constant of that name".into());
    }
    let mut kinds = vec![kind(Default::default())];
    kinds.extend(changes.iter().map(|change| kind(change.tuning)));
    let rows = runs::rows(scenarios, &kinds, seeds.clone());
    let rivals = runs::rows(scenarios, rivals, seeds.clone());
    let figures: Vec<Vec<Figure>> = rows
        .iter()
        .map(|row| {
            let same = |rival: &&Row| rival.scenario.name == row.scenario.name;
            check::figures(row, &rivals.iter().filter(same).collect::<Vec<_>>())
        })
        .collect();
    let variants = kinds.len();
    let (mut missed, mut count) = (Vec::new(), 0);
    for (row, figures) in rows.iter().zip(&figures).step_by(variants) {
        count += figures.len();
        let misses = figures.iter().filter(|figure| !figure.holds());
        missed.extend(misses.map(|figure| (row.scenario.name, *figure)));
    }
    let effects = changes.into_iter().enumerate().map(|(index, change)| {
        let pairs = (0..scenarios.len()).map(|scenario| {
            let (default, changed) = (scenario * variants, scenario * variants + index + 1);
            let pair = |i: usize| (&rows[i], figures[i].as_slice());
            (pair(default), pair(changed))
        });
        effect(change, pairs)
    });
    Ok(Sweep {
        seeds: seeds.end - seeds.start,
        scenarios: scenarios.len(),
        figures: count,
        missed,
        effects: effects.collect(),
        skipped,
    })
}

type Judged<'a> = (&'a Row, &'a [Figure]);

/// Compares what each scenario gave at the default value and at the changed one.
fn effect<'a>(change: Change, pairs: impl Iterator<Item = (Judged<'a>, Judged<'a>)>) -> Effect {
    let still = Movement {
        scenario: "",
        by: 0.0,
    };
    let mut effect = Effect {
        change,
        over: Vec::new(),
        within: Vec::new(),
        ratio: still,
        refused: still,
    };
    for ((default, was), (changed, is)) in pairs {
        let scenario = default.scenario.name;
        for (was, is) in was.iter().zip(is) {
            let crossing = Crossing {
                scenario,
                from: was.is,
                to: *is,
            };
            match (was.holds(), is.holds()) {
                (true, false) => effect.over.push(crossing),
                (false, true) => effect.within.push(crossing),
                _ => {}
            }
        }
        effect
            .ratio
            .rise(scenario, default, changed, Measured::ratio);
        effect
            .refused
            .rise(scenario, default, changed, |run| run.refused);
    }
    effect
}

impl Movement {
    fn rise(&mut self, scenario: &'static str, from: &Row, to: &Row, of: fn(&Measured) -> f64) {
        let by = to.mean(of) - from.mean(of);
        if by > self.by {
            *self = Self { scenario, by };
        }
    }
}

impl Sweep {
    /// Whether no figure that holds at the default values moves over its bound.
    pub fn holds(&self) -> bool {
        self.effects.iter().all(|effect| effect.over.is_empty())
    }

    /// Each figure that moves over its bound: how far at the worst, by which change, and how many
    /// of the changes do so.
    fn crossed(&self) -> Vec<(Crossing, Change, usize)> {
        let mut crossed: Vec<(Crossing, Change, usize)> = Vec::new();
        for effect in &self.effects {
            for crossing in &effect.over {
                let same = |(other, ..): &&mut (Crossing, _, _)| {
                    (other.scenario, other.to.what) == (crossing.scenario, crossing.to.what)
                };
                match crossed.iter_mut().find(same) {
                    Some((worst, by, changes)) => {
                        *changes += 1;
                        if crossing.to.is > worst.to.is {
                            (*worst, *by) = (*crossing, effect.change);
                        }
                    }
                    None => crossed.push((*crossing, effect.change, 1)),
                }
            }
        }
        crossed
    }
}

#[cfg(test)]
mod tests;
