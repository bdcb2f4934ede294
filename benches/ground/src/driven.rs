//! What our defaults are held to when a program drives them in another way than by a clone for each job.

use std::ops::Range;

use sim::server::Answers::{self, Chunked, Short, Streamed};

use crate::check::Figure;
use crate::clients::{self, Driver, Kind};
use crate::measure::Measured;
use crate::runs;
use crate::scenario::Scenario;
use crate::table::Row;

/// Where every driver keeps its bounds.
const HELD: [&str; 7] = [
    "five",
    "fifty",
    "window-300",
    "free-200",
    "bucket-500",
    "rise",
    "moving",
];

/// By how much a driver that reads what it gets may take longer than a clone for each job.
const READS: f64 = 1.15;

/// By how much one that leaves bodies unread may take longer if these do not tell their length. Each
/// keeps a place for a second or a little more, which is a quarter of the work in `fifty` and a tenth of
/// it in `five`. That `five` needs as much as this is a fault, which the README tells of.
const UNREAD: f64 = 1.6;

/// What the time that a driver takes is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Against {
    /// A clone for each job, with the same answers.
    Clones,
    /// The same driver, with short answers.
    Short,
}

/// Whether it is looked at. One that reads each body before it looks for the next answer keeps the limit
/// from growing if the bodies are long in coming: the README tells of this fault.
fn is_held(row: &Row) -> bool {
    (row.kind.driver(), row.scenario.answers) != (Some(Driver::CallAll), Streamed)
}

/// `None` where the driver itself is what takes the time: it bounds or holds up what it sends.
fn bound(driver: Driver, answers: Answers) -> Option<(Against, f64)> {
    match (driver, answers) {
        (Driver::OneTask | Driver::Buffer, _)
        | (Driver::CallAll, Short | Chunked)
        | (Driver::JoinAll, Short) => Some((Against::Clones, READS)),
        (Driver::JoinAll | Driver::Kept, Chunked | Streamed) | (Driver::Buffered, Chunked) => {
            Some((Against::Short, UNREAD))
        }
        (Driver::CallAll, Streamed)
        | (Driver::Buffered, Short | Streamed)
        | (Driver::Kept, Short) => None,
    }
}

/// What is missed, by scenario, client and answers.
pub fn misses(scenarios: &[Scenario], seeds: Range<u64>) -> Vec<String> {
    let kinds: Vec<Kind> = clients::named()
        .filter(|kind| kind.driver().is_some() || kind.name == clients::DEFAULTS)
        .copied()
        .collect();
    let held = scenarios.iter().filter(|s| HELD.contains(&s.name));
    let variants: Vec<Scenario> = held
        .flat_map(|scenario| [Short, Chunked, Streamed].map(|answers| answered(scenario, answers)))
        .collect();
    let rows = runs::rows(&variants, &kinds, seeds);
    let mut misses = Vec::new();
    for row in rows.iter().filter(|row| is_held(row)) {
        for figure in figures(row, &rows).iter().filter(|f| !f.holds()) {
            let (scenario, answers) = (row.scenario.name, row.scenario.answers);
            let name = row.kind.name;
            misses.push(format!("{scenario}, {name}, {answers:?} answers: {figure}"));
        }
    }
    misses
}

fn answered(scenario: &Scenario, answers: Answers) -> Scenario {
    Scenario {
        answers,
        ..scenario.clone()
    }
}

/// What is bounded of a driver's row, beside the other rows.
fn figures(row: &Row, rows: &[Row]) -> Vec<Figure> {
    let Some(driver) = row.kind.driver() else {
        return Vec::new();
    };
    let mut figures = vec![Figure {
        what: "jobs failed",
        is: row.failed() as f64,
        bound: 0.0,
    }];
    if let Some((against, factor)) = bound(driver, row.scenario.answers) {
        let (kind, answers, what) = match against {
            Against::Clones => (
                clients::DEFAULTS,
                row.scenario.answers,
                "makespan over best, against a clone for each job",
            ),
            Against::Short => (
                row.kind.name,
                Short,
                "makespan over best, against short answers",
            ),
        };
        let other = rows.iter().find(|other| {
            (other.scenario.name, other.scenario.answers) == (row.scenario.name, answers)
                && other.kind.name == kind
        });
        figures.extend(other.map(|other| Figure {
            what,
            is: row.mean(Measured::ratio),
            bound: factor * other.mean(Measured::ratio),
        }));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios;

    fn row(client: &str, answers: Answers, makespan: f64, failed: usize) -> Row {
        let five = scenarios::all().into_iter().find(|s| s.name == "five");
        let kind = clients::named().find(|kind| kind.name == client);
        Row {
            scenario: answered(&five.expect("a scenario"), answers),
            kind: *kind.expect("a client"),
            runs: vec![Measured {
                makespan,
                best: 100.0,
                failed,
                ..Measured::default()
            }],
        }
    }

    fn missed(row: &Row, others: Vec<Row>) -> Vec<&'static str> {
        let figures = figures(row, &others).into_iter();
        figures.filter(|f| !f.holds()).map(|f| f.what).collect()
    }

    #[test]
    fn a_driver_is_held_against_clones_or_against_its_own_short_answers() {
        let clones = || vec![row("throttle", Chunked, 100.0, 0)];
        assert!(missed(&row("throttle-buffer", Chunked, 114.0, 0), clones()).is_empty());
        assert_eq!(
            missed(&row("throttle-buffer", Chunked, 116.0, 0), clones()),
            ["makespan over best, against a clone for each job"]
        );
        let own = || vec![row("throttle-kept", Short, 200.0, 0)];
        assert!(missed(&row("throttle-kept", Chunked, 310.0, 0), own()).is_empty());
        assert_eq!(
            missed(&row("throttle-kept", Chunked, 330.0, 1), own()),
            ["jobs failed", "makespan over best, against short answers"]
        );
    }

    #[test]
    fn every_name_is_a_scenarios() {
        let all = scenarios::all();
        assert!(HELD.iter().all(|held| all.iter().any(|s| s.name == *held)));
    }
}
