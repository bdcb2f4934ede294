//! What the defaults are held to over all composed scenarios.

use crate::check::Figure;
use crate::clients::Kind;
use crate::measure::quantile;

use super::plain::{Row, rows};
use super::report::sorted;
use super::scenarios;

/// The draw that is checked, and how many of it.
const CHECKED: (u64, usize) = (101, 400);

/// What a bound is about.
#[derive(Clone, Copy, Debug)]
enum Of {
    /// The time over that of the best possible client.
    Time,
    /// Refused per 1,000 jobs.
    Refused,
    /// The time over that of the quicker plain client.
    Harm,
}

/// A quantile, among the rows with that number of clients or all, and the most that it may be.
struct Bound {
    what: &'static str,
    of: Of,
    clients: Option<&'static str>,
    quantile: f64,
    most: f64,
}

const fn bound(what: &'static str, of: Of, quantile: f64, most: f64) -> Bound {
    Bound {
        what,
        of,
        clients: None,
        quantile,
        most,
    }
}

const fn among(clients: &'static str, bound: Bound) -> Bound {
    Bound {
        clients: Some(clients),
        ..bound
    }
}

/// What holds today, and a little more.
const BOUNDS: [Bound; 14] = [
    bound("time over best, median", Of::Time, 0.5, 1.25),
    bound("time over best, p75", Of::Time, 0.75, 1.6),
    bound("time over best, p90", Of::Time, 0.9, 2.45),
    bound("time over best, p95", Of::Time, 0.95, 3.4),
    bound("refused per 1,000, median", Of::Refused, 0.5, 21.0),
    bound("refused per 1,000, p90", Of::Refused, 0.9, 145.0),
    bound("refused per 1,000, p95", Of::Refused, 0.95, 230.0),
    bound("harm, median", Of::Harm, 0.5, 1.15),
    bound("harm, p90", Of::Harm, 0.9, 2.1),
    bound("harm, p95", Of::Harm, 0.95, 2.7),
    among(
        "one",
        bound("time over best of one client, median", Of::Time, 0.5, 1.22),
    ),
    among(
        "one",
        bound("time over best of one client, p90", Of::Time, 0.9, 2.3),
    ),
    among(
        "three",
        bound(
            "time over best of three clients, median",
            Of::Time,
            0.5,
            1.4,
        ),
    ),
    among(
        "three",
        bound("time over best of three clients, p90", Of::Time, 0.9, 3.7),
    ),
];

/// In how many rows jobs may fail.
const ROWS_WITH_FAILURES: usize = 3;

/// The mean of Jain's index, less than one by so much at most.
const UNEQUAL: f64 = 0.1;

/// Every figure that is bounded.
fn figures(rows: &[Row]) -> Vec<Figure> {
    let mut figures: Vec<Figure> = BOUNDS.iter().map(|bound| bound.figure(rows)).collect();
    let failed = rows.iter().filter(|row| row.ours.failed > 0).count();
    figures.push(Figure {
        what: "rows in which jobs fail",
        is: failed as f64,
        bound: ROWS_WITH_FAILURES as f64,
    });
    let jain: Vec<f64> = rows.iter().filter_map(|row| row.ours.jain).collect();
    if !jain.is_empty() {
        figures.push(Figure {
            what: "one less the mean of Jain's index",
            is: 1.0 - jain.iter().sum::<f64>() / jain.len() as f64,
            bound: UNEQUAL,
        });
    }
    figures
}

/// Those of the rows that do not hold.
pub fn misses(rows: &[Row]) -> Vec<String> {
    let figures = figures(rows).into_iter();
    let missed = figures.filter(|figure| !figure.holds());
    missed.map(|figure| format!("composed: {figure}")).collect()
}

/// Those of the draw that is checked, with its first seed.
pub fn checked(kind: &Kind) -> Vec<String> {
    let (draw, count) = CHECKED;
    misses(&rows(&scenarios(count, draw), kind, 1..2))
}

impl Bound {
    fn figure(&self, rows: &[Row]) -> Figure {
        let is_meant = |row: &&Row| self.clients.is_none() || row.label("clients") == self.clients;
        let figure = |row: &Row| match self.of {
            Of::Time => Some(row.ours.time_ratio()),
            Of::Refused => Some(row.ours.refused),
            Of::Harm => row.harm(),
        };
        let figures = sorted(rows.iter().filter(is_meant).filter_map(figure));
        Figure {
            what: self.what,
            is: quantile(&figures, self.quantile),
            bound: self.most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composed;
    use crate::measure::Measured;

    /// Of the rows, every tenth takes that many times as long as the best.
    fn rows(slow: f64, failed: usize) -> Vec<Row> {
        let scenarios = composed::scenarios(20, 1).into_iter().enumerate();
        let row = |(index, scenario)| {
            let run = |time| Measured {
                time,
                best_time: 1.0,
                ..Measured::default()
            };
            let mut ours = run(if index % 10 == 0 { slow } else { 1.0 });
            ours.failed = failed;
            Row {
                scenario,
                ours,
                retries: run(1.0),
                fixed: run(1.0),
                places: 1,
            }
        };
        scenarios.map(row).collect()
    }

    fn missed(rows: &[Row]) -> Vec<&'static str> {
        let figures = figures(rows).into_iter().filter(|figure| !figure.holds());
        figures.map(|figure| figure.what).collect()
    }

    #[test]
    fn quantiles_and_failures_are_held() {
        let alike = |slow, failed| {
            let mut missed = missed(&rows(slow, failed));
            missed.retain(|what| !what.contains("client"));
            missed
        };
        assert!(alike(1.0, 0).is_empty());
        let slow = alike(20.0, 0);
        assert!(slow.contains(&"time over best, p95") && slow.contains(&"harm, p95"));
        assert!(!slow.contains(&"time over best, median"));
        assert_eq!(alike(1.0, 1), ["rows in which jobs fail"]);
    }
}
