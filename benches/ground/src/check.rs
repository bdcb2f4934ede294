//! Whether our own rows keep what is promised.

use crate::limits::Rule;
use crate::measure::Measured;
use crate::table::Row;

/// By how much the makespan over the best may exceed that of the best rival that finishes.
const BEHIND_A_RIVAL: f64 = 0.03;

/// Rivals that pay so many refusals per 1,000 jobs must be undercut tenfold.
const COSTLY: f64 = 100.0;

/// The limits from crates.io whose refusals are undercut.
const UNDERCUT: [&str; 2] = ["resilience-aimd", "throttle-net"];

/// What the row misses, in words. `rivals` are the rows of the same scenario.
pub fn misses(row: &Row, rivals: &[&Row]) -> Vec<String> {
    let bounds = row.scenario.bounds;
    let mut misses = Vec::new();
    let mut at_most = |what: &str, is: f64, bound: f64| {
        if is > bound {
            misses.push(format!("{what} is {is:.3}, over {bound:.3}"));
        }
    };
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
    for run in &row.runs {
        at_most("one less Jain's index", 1.0 - run.jain.unwrap_or(1.0), 0.1);
        at_most("seconds to join", run.joined.unwrap_or(0.0), 60.0);
        at_most(
            "round trips to settle",
            run.settled.unwrap_or(0.0),
            settles_within(row),
        );
    }
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
    misses
}

/// Within how many round trips a limit that rose is used, or one that fell is kept.
fn settles_within(row: &Row) -> f64 {
    match row.scenario.rules.as_slice() {
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
        assert_eq!(
            misses(&row("throttle", 104.0, 20.0, 0), &[]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_bound_is_looked_at() {
        let missed = |row: &Row, rivals: &[&Row]| misses(row, rivals).join("; ");
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
