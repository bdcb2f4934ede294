//! What the second runs are held to, and the table.

use std::fmt::Write as _;

use super::Row;
use super::cases::{NIGHT, Promise};
use super::run::Ran;
use crate::check::Figure;
use crate::measure::quantile;

impl Row {
    fn name(&self) -> String {
        let moved = match self.case.factor {
            0.5 => ", halved",
            2.0 => ", doubled",
            _ => "",
        };
        format!("{}, {}{moved}", self.case.api.title, gap(self.case.gap))
    }
}

fn gap(seconds: f64) -> String {
    if seconds >= 3600.0 {
        format!("{:.1} h", seconds / 3600.0)
    } else {
        format!("{seconds:.0} s")
    }
}

/// How many more are refused than without a record.
fn more(run: &Ran) -> f64 {
    run.warm.refused - run.cold.refused
}

/// What is bounded of a row. `after_a_minute`: the row of the same API after a minute.
fn figures(row: &Row, after_a_minute: Option<&Row>) -> Vec<Figure> {
    let figure = |what, is, bound| Figure { what, is, bound };
    let refused = |row: &Row| row.mean(|run| run.warm.refused);
    let ratio = |row: &Row| row.mean(|run| run.warm.ratio);
    let mut figures = vec![figure("jobs lost", row.mean(|run| run.warm.lost), 0.0)];
    match row.case.promise {
        Promise::Third => {
            let third = row.mean(|run| run.first.refused) / 3.0;
            figures.push(figure(
                "refusals, beside a third of the first run's",
                refused(row),
                third,
            ));
        }
        Promise::Time => figures.push(figure("makespan over the best", ratio(row), 1.2)),
        Promise::NoWorse => {}
        Promise::Drawn => return figures,
    }
    figures.push(figure(
        "refusals more than from nothing",
        row.mean(more),
        2.0,
    ));
    let cold = row.mean(|run| run.cold.ratio);
    figures.push(figure(
        "makespan over that from nothing",
        ratio(row) / cold,
        1.06,
    ));
    if let Some(minute) = after_a_minute {
        let more = refused(row) - refused(minute);
        figures.push(figure("refusals more than after a minute", more, 2.0));
        let slower = ratio(row) / ratio(minute);
        figures.push(figure("makespan over that after a minute", slower, 1.03));
    }
    figures
}

/// What is bounded of all cases that are drawn, together.
fn of_drawn(rows: &[Row]) -> Vec<Figure> {
    let runs: Vec<&Ran> = drawn(rows).flat_map(|row| &row.runs).collect();
    let sorted = |of: &dyn Fn(&Ran) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(|run| of(run)).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let share = |of: &dyn Fn(&Ran) -> f64| {
        let (warm, cold): (f64, f64) = (
            runs.iter().map(|run| of(run)).sum(),
            runs.iter().map(|run| run.cold.refused).sum(),
        );
        warm / cold
    };
    let slower = |run: &Ran| run.warm.ratio / run.cold.ratio;
    vec![
        Figure {
            what: "drawn: refusals in all, as a part of those from nothing",
            is: share(&|run| run.warm.refused),
            bound: 0.75,
        },
        Figure {
            what: "drawn: refusals more than from nothing, p90",
            is: quantile(&sorted(&more), 0.9),
            bound: 2.0,
        },
        Figure {
            what: "drawn: makespan over that from nothing, p90",
            is: quantile(&sorted(&slower), 0.9),
            bound: 1.05,
        },
    ]
}

fn drawn(rows: &[Row]) -> impl Iterator<Item = &Row> {
    rows.iter().filter(|row| row.case.promise == Promise::Drawn)
}

/// The bounds that are missed, by case.
pub fn misses(rows: &[Row]) -> Vec<String> {
    let mut misses = Vec::new();
    for row in rows {
        let same =
            |other: &&Row| other.case.api.name == row.case.api.name && other.case.gap < NIGHT;
        let is_night = row.case.factor == 1.0 && row.case.gap == NIGHT;
        let minute = rows.iter().find(same).filter(|_| is_night);
        let over = figures(row, minute).into_iter();
        misses.extend(
            over.filter(|figure| !figure.holds())
                .map(|miss| format!("{}: {miss}", row.name())),
        );
    }
    let over = of_drawn(rows).into_iter().filter(|figure| !figure.holds());
    misses.extend(over.map(|miss| miss.to_string()));
    misses
}

/// The table.
pub fn table(rows: &[Row], long: bool) -> String {
    let mut table = String::from(
        "| API, and how long after | first run | from nothing | resumed |\n|---|--:|--:|--:|\n",
    );
    for row in rows {
        if row.case.promise == Promise::Drawn && !long {
            continue;
        }
        let cell = |of: &dyn Fn(&Ran) -> super::run::Batch| {
            let ratio = row.mean(|run| of(run).ratio);
            let refused = row.mean(|run| of(run).per_1000());
            format!("{ratio:.2} / {refused:.1}")
        };
        writeln!(
            table,
            "| {} | {} | {} | {} |",
            row.name(),
            cell(&|run| run.first),
            cell(&|run| run.cold),
            cell(&|run| run.warm),
        )
        .expect("a string takes it");
    }
    writeln!(table, "\n{} cases drawn at random:\n", drawn(rows).count())
        .expect("a string takes it");
    for figure in of_drawn(rows) {
        writeln!(table, "- {figure}").expect("a string takes it");
    }
    table
}
