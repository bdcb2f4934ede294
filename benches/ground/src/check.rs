//! Whether our own rows keep what is promised.

use std::fmt;

use sim::limits::Rule;

use crate::measure::Measured;
use crate::table::Row;

/// By how much the makespan over the best may exceed that of the best rival that finishes.
const BEHIND_A_RIVAL: f64 = 0.03;

/// Rivals that pay this many refusals per 1,000 jobs must be undercut tenfold.
const COSTLY: f64 = 100.0;

/// The limits from crates.io whose refusals are undercut.
const UNDERCUT: [&str; 2] = ["resilience-aimd", "throttle-net"];

/// A figure of a row, and the most that it may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    pub what: &'static str,
    pub is: f64,
    pub bound: f64,
}

impl Figure {
    pub fn holds(&self) -> bool {
        self.is <= self.bound
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, is, bound } = self;
        let side = if self.holds() { "within" } else { "over" };
        write!(f, "{what} is {is:.3}, {side} {bound:.3}")
    }
}

/// What a row misses, and what to say of it.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Fails the check.
    pub failures: Vec<String>,
    /// Is missed for a reason that the scenario has.
    pub known: Vec<String>,
}

/// Judges a row. A miss that the scenario knows does not fail, unless it is one against a rival; that it knows
/// one where there is none does.
pub fn verdict(row: &Row, rivals: &[&Row]) -> Verdict {
    let (name, alone) = (row.scenario.name, misses(row, &[]));
    let mut verdict = Verdict::default();
    for miss in misses(row, rivals) {
        match row.scenario.known_miss {
            Some(why) if alone.contains(&miss) => {
                verdict.known.push(format!("{name}: {miss}: {why}"));
            }
            _ => verdict.failures.push(format!("{name}: {miss}")),
        }
    }
    if row.scenario.known_miss.is_some() && alone.is_empty() {
        let held = format!("{name}: holds every bound, and is said to miss one");
        verdict.failures.push(held);
    }
    verdict
}

/// What the row misses. `rivals` are the rows of the same scenario.
pub fn misses(row: &Row, rivals: &[&Row]) -> Vec<Figure> {
    let mut figures = figures(row, rivals);
    figures.retain(|figure| !figure.holds());
    figures
}

/// Every figure of the row that is bounded, in the same order for every row of a scenario.
pub fn figures(row: &Row, rivals: &[&Row]) -> Vec<Figure> {
    let bounds = row.scenario.bounds;
    let mut figures = Vec::new();
    let mut at_most = |what, is, bound| figures.push(Figure { what, is, bound });
    let (ratio, refused) = (row.mean(Measured::ratio), row.mean(|run| run.refused));
    at_most("jobs failed", row.failed() as f64, 0.0);
    at_most("makespan over best", ratio, bounds.ratio);
    at_most("refused per 1,000", refused, bounds.refused);
    if let Some(peak) = bounds.peak {
        at_most(
            "peak in flight",
            row.worst(|run| run.peak as f64),
            peak as f64,
        );
    }
    // These hold in every run.
    let mut worst = |what, of: fn(&Measured) -> Option<f64>, bound| {
        if let Some(worst) = row.runs.iter().filter_map(of).reduce(f64::max) {
            at_most(what, worst, bound);
        }
    };
    worst("one less Jain's index", |run| Some(1.0 - run.jain?), 0.1);
    worst("seconds to join", |run| run.joined, 60.0);
    worst(
        "round trips to settle",
        |run| run.settled,
        settles_within(row),
    );
    let finish = rivals.iter().filter(|rival| rival.failed() == 0);
    if let Some(best) = finish
        .map(|rival| rival.mean(Measured::ratio))
        .reduce(f64::min)
    {
        at_most(
            "makespan against the best rival",
            ratio,
            best + BEHIND_A_RIVAL,
        );
    }
    let costs = rivals
        .iter()
        .filter(|rival| UNDERCUT.contains(&rival.kind.name));
    let least = costs
        .map(|rival| rival.mean(|run| run.refused))
        .reduce(f64::min);
    if let Some(least) = least.filter(|least| *least >= COSTLY) {
        at_most(
            "refused against a tenth of the best rival's",
            refused,
            least / 10.0,
        );
    }
    figures
}

/// Within how many round trips a limit that rose is used, or one that fell is kept.
fn settles_within(row: &Row) -> f64 {
    match row.scenario.api.rules.as_slice() {
        [Rule::InFlight { limit, .. }] => match limit.changes() {
            [(_, value)] if *value < limit.at(0.0) => 1.0,
            _ => 12.0,
        },
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clients, scenarios};

    fn row(name: &str, makespan: f64, refused: f64, failed: usize) -> Row {
        let run = Measured {
            makespan,
            best: 100.0,
            refused,
            failed,
            ..Measured::default()
        };
        let kind = *clients::ALL
            .iter()
            .find(|kind| kind.name == name)
            .expect("a client");
        let scenario = scenarios::all()
            .into_iter()
            .find(|s| s.name == "five")
            .expect("a scenario");
        Row {
            scenario,
            kind,
            runs: vec![run],
        }
    }

    #[test]
    fn a_good_row_misses_nothing() {
        assert_eq!(misses(&row("throttle", 104.0, 20.0, 0), &[]), []);
    }

    #[test]
    fn a_known_miss_does_not_fail_and_must_be_one() {
        let verdict = |makespan, rivals: &[&Row]| {
            let mut row = row("throttle", makespan, 20.0, 0);
            row.scenario.known_miss = Some("it is slow");
            verdict(&row, rivals)
        };
        let missed = verdict(106.0, &[]);
        assert_eq!((missed.failures.len(), missed.known.len()), (0, 1));
        assert!(missed.known[0].ends_with("over 1.050: it is slow"));
        let held = verdict(104.0, &[]);
        assert_eq!((held.failures.len(), held.known.len()), (1, 0));
        // What a rival does better was not said.
        let fast = row("tower", 100.0, 0.0, 0);
        assert_eq!(verdict(106.0, &[&fast]).failures.len(), 1);
    }

    #[test]
    fn every_bound_is_looked_at() {
        let missed = |row: &Row, rivals: &[&Row]| {
            let misses: Vec<String> = misses(row, rivals).iter().map(Figure::to_string).collect();
            misses.join("; ")
        };
        assert!(missed(&row("throttle", 106.0, 20.0, 0), &[]).contains("makespan over best"));
        assert!(missed(&row("throttle", 101.0, 26.0, 0), &[]).contains("refused per 1,000"));
        assert!(missed(&row("throttle", 101.0, 20.0, 1), &[]).contains("jobs failed"));
        let fast = row("tower", 100.0, 0.0, 0);
        assert!(missed(&row("throttle", 104.0, 0.0, 0), &[&fast]).contains("best rival"));
        let gave_up = row("tower", 100.0, 0.0, 1);
        assert_eq!(missed(&row("throttle", 104.0, 0.0, 0), &[&gave_up]), "");
        let costly = row("throttle-net", 105.0, 150.0, 0);
        assert!(missed(&row("throttle", 104.0, 16.0, 0), &[&costly]).contains("a tenth"));
    }
}
