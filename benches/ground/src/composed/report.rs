//! The tables of composed scenarios.

use std::fmt::Write as _;

use crate::measure::{Measured, quantile};

use super::plain::Row;

/// How many of the slowest rows are named.
const WORST: usize = 15;

/// By what rows are grouped.
const AXES: [&str; 7] = [
    "clients",
    "limit",
    "hints",
    "random refusals",
    "arrivals",
    "outage",
    "moves",
];

/// Quantiles by group, and the slowest rows by name, or all of them.
pub fn report(rows: &[Row], all: bool) -> String {
    let mut out = quantiles(rows);
    out.push('\n');
    let mut slowest: Vec<&Row> = rows.iter().collect();
    if !all {
        slowest.sort_by(|a, b| b.ours.time_ratio().total_cmp(&a.ours.time_ratio()));
        slowest.truncate(WORST);
    }
    out.push_str(&by_name(slowest));
    out
}

/// Sorted figures of some rows.
pub fn sorted(of: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = of.collect();
    figures.sort_by(f64::total_cmp);
    figures
}

fn cells(of: &[f64], at: &[f64], digits: usize) -> String {
    let cell = |q: &f64| match of {
        [] => String::new(),
        of => format!("{:.digits$}", quantile(of, *q)),
    };
    at.iter().map(cell).collect::<Vec<_>>().join(" | ")
}

fn quantiles(rows: &[Row]) -> String {
    let mut out = String::from(
        "| rows | n | time ÷ best p50 | p75 | p90 | p95 | worst \
         | refused per 1,000 p50 | p75 | p90 | p95 | worst | jobs failed | cut off \
         | harm p50 | p90 | p95 | worst | Jain mean | least | recovered |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let all: Vec<&Row> = rows.iter().collect();
    line(&mut out, "all", &all, |row| &row.ours, Row::harm);
    line(
        &mut out,
        "retries alone",
        &all,
        |row| &row.retries,
        |_| None,
    );
    line(
        &mut out,
        "Fixed, at the limit",
        &all,
        |row| &row.fixed,
        |_| None,
    );
    for axis in AXES {
        for label in labels(rows, axis) {
            let group: Vec<&Row> = rows
                .iter()
                .filter(|r| r.label(axis) == Some(label))
                .collect();
            let name = format!("{axis}: {label}");
            line(&mut out, &name, &group, |row| &row.ours, Row::harm);
        }
    }
    out
}

/// In the order of the alphabet.
fn labels(rows: &[Row], axis: &str) -> Vec<&'static str> {
    let mut labels: Vec<&str> = rows.iter().filter_map(|row| row.label(axis)).collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

fn line(
    out: &mut String,
    name: &str,
    rows: &[&Row],
    of: impl Fn(&Row) -> &Measured,
    harm: impl Fn(&Row) -> Option<f64>,
) {
    let runs: Vec<&Measured> = rows.iter().map(|row| of(row)).collect();
    let jain = sorted(runs.iter().filter_map(|run| run.jain));
    let jain = match jain.first() {
        Some(least) => {
            let mean = jain.iter().sum::<f64>() / jain.len() as f64;
            format!("{mean:.2} | {least:.2}")
        }
        None => " | ".into(),
    };
    let recovered: Vec<bool> = runs.iter().filter_map(|run| run.recovered).collect();
    let did = recovered.iter().filter(|recovered| **recovered).count();
    let _ = writeln!(
        out,
        "| {name} | {} | {} | {} | {} | {} | {} | {jain} | {did} of {} |",
        runs.len(),
        cells(
            &sorted(runs.iter().map(|run| run.time_ratio())),
            &[0.5, 0.75, 0.9, 0.95, 1.0],
            2
        ),
        cells(
            &sorted(runs.iter().map(|run| run.refused)),
            &[0.5, 0.75, 0.9, 0.95, 1.0],
            0
        ),
        runs.iter().map(|run| run.failed).sum::<usize>(),
        runs.iter().filter(|run| run.hung).count(),
        cells(
            &sorted(rows.iter().filter_map(|row| harm(row))),
            &[0.5, 0.9, 0.95, 1.0],
            2
        ),
        recovered.len(),
    );
}

/// A line for each row.
pub fn by_name<'a>(rows: impl IntoIterator<Item = &'a Row>) -> String {
    let mut out = String::from(
        "| name | time ÷ best | refused per 1,000 | failed | harm | retries alone | Fixed | at | jobs \
         | best time | recovered | scenario |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|---|\n",
    );
    for row in rows {
        let Row {
            scenario,
            ours,
            retries,
            fixed,
            places,
        } = row;
        let harm = row
            .harm()
            .map_or(String::new(), |harm| format!("{harm:.2}"));
        let recovered = match ours.recovered {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        let _ = writeln!(
            out,
            "| {} | {:.2} | {:.0} | {} | {harm} | {} | {} | {places} | {} | {:.1} s | {recovered} | {} |",
            scenario.name,
            ours.time_ratio(),
            ours.refused,
            failed(ours),
            plain(retries),
            plain(fixed),
            scenario.work.jobs,
            ours.best_time,
            scenario.title,
        );
    }
    out
}

fn failed(run: &Measured) -> String {
    let cut = if run.hung { ", cut off" } else { "" };
    format!("{}{cut}", run.failed)
}

/// Time over best, or how many jobs were lost.
fn plain(run: &Measured) -> String {
    match run.failed {
        0 => format!("{:.2}", run.time_ratio()),
        failed => format!("{failed} fail"),
    }
}
