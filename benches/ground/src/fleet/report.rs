//! What is printed, and what is bounded.

use std::fmt::Write as _;

use super::Row;
use crate::check::Figure;

/// Calls of the store per second and member, whatever the load.
const CALLS: f64 = 2.5;
/// What is accepted in any two seconds, while the store is away too.
const LEAST: f64 = 0.8;

/// The table.
pub fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "| case | time / best | refused per 1,000 | after 15 s | Jain | calls per s and member | least in 2 s |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        writeln!(
            table,
            "| {} | {:.3} | {:.1} | {:.1} | {:.3} | {:.2} | {:.2} |",
            row.case.name,
            row.mean(|ran| ran.time),
            row.mean(|ran| ran.refused),
            row.mean(|ran| ran.refused_late),
            row.mean(|ran| ran.jain),
            row.mean(|ran| ran.calls),
            row.mean(|ran| ran.least),
        )
        .expect("a string takes it");
    }
    table
}

/// The bounds that are missed, by case. Those that the case knows are printed, and not returned.
pub fn misses(rows: &[Row]) -> Vec<String> {
    let mut misses = Vec::new();
    for row in rows {
        let Some(bounds) = row.case.bounds() else {
            continue;
        };
        let figure = |what, is, bound| Figure { what, is, bound };
        let mut figures = vec![
            figure("time over the best", row.mean(|ran| ran.time), bounds.time),
            figure(
                "refused per 1,000",
                row.mean(|ran| ran.refused),
                bounds.refused,
            ),
            figure(
                "refused per 1,000 after 15 s",
                row.mean(|ran| ran.refused_late),
                bounds.refused_late,
            ),
            figure(
                "what Jain's index lacks",
                1.0 - row.mean(|ran| ran.jain),
                1.0 - bounds.jain,
            ),
            figure(
                "calls per second and member",
                row.mean(|ran| ran.calls),
                CALLS,
            ),
        ];
        if row.case.outage.is_some() {
            figures.push(figure(
                "what is lost in two seconds",
                1.0 - row.mean(|ran| ran.least),
                1.0 - LEAST,
            ));
        }
        let missed = figures.iter().filter(|figure| !figure.holds());
        for miss in missed.map(|miss| format!("{}: {miss}", row.case.name)) {
            match row.case.known_miss() {
                Some(why) => eprintln!("known: {miss}: {why}"),
                None => misses.push(miss),
            }
        }
    }
    misses
}
