//! What is printed, and what is bounded.

use std::fmt::Write as _;

use super::Row;
use super::case::Sharing;
use crate::check::Figure;
use crate::measure::quantile;

/// Calls of the store per second and member, whatever the load.
const CALLS: f64 = 2.5;
/// What is accepted in any two seconds, while the store is away too.
const LEAST: f64 = 0.8;

/// The table.
pub fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "| case | what | time / best | refused per 1,000 | after 15 s | Jain | calls per s and member | least in 2 s |\n\
         |---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        writeln!(
            table,
            "| {} | {} | {:.3} | {:.1} | {:.1} | {:.3} | {:.2} | {:.2} |",
            row.case.name,
            row.case.what(),
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

/// How the rows of a kind spread.
pub fn quantiles(rows: &[Row]) -> String {
    let mut out = String::from(
        "| kind | rows | time / best p50 | p75 | p90 | worst | refused per 1,000 after 15 s p50 | p75 | p90 | worst \
         | Jain p50 | p25 | p10 | least |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for sharing in [
        Sharing::One,
        Sharing::Alone,
        Sharing::Known,
        Sharing::Unknown,
    ] {
        for kind in ["rate", "places", "both"] {
            let of_kind =
                |row: &&Row| row.case.sharing == sharing && row.case.name.starts_with(kind);
            let of_kind: Vec<&Row> = rows.iter().filter(of_kind).collect();
            let spread = |of: &dyn Fn(&Row) -> f64, digits: usize| {
                let mut all: Vec<f64> = of_kind.iter().map(|row| of(row)).collect();
                all.sort_by(f64::total_cmp);
                [0.5, 0.75, 0.9, 1.0]
                    .map(|q| format!("{:.digits$}", quantile(&all, q).abs()))
                    .join(" | ")
            };
            writeln!(
                out,
                "| {kind}-{} | {} | {} | {} | {} |",
                sharing.name(),
                of_kind.len(),
                spread(&|row| row.mean(|ran| ran.time), 2),
                spread(&|row| row.mean(|ran| ran.refused_late), 1),
                // The least first, where less is worse.
                spread(&|row| -row.mean(|ran| ran.jain), 3),
            )
            .expect("a string takes it");
        }
    }
    out
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
