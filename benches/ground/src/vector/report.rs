//! How the clients fare in Vector's conditions.

use std::fmt::Write as _;

use crate::clients::Kind;
use crate::measure::Finished;
use crate::run;
use crate::server::Log;

use super::conditions::{Condition, all};

/// Makespan and failed attempts of each client, and what was in flight with the first of them
/// against the ranges that Vector asserts of its own controller.
pub fn report(kinds: &[Kind], seed: u64) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let mut out = format!("| condition | best | {} |\n", names.join(" | "));
    let _ = writeln!(out, "|---|---|{}", "---|".repeat(kinds.len()));
    let mut ranges = format!(
        "\n| condition | in flight with {}, most | Vector asserts | mean | Vector asserts |\n\
         |---|--:|---|--:|---|\n",
        names[0]
    );
    for condition in all() {
        let (name, best) = (condition.scenario.name, condition.best);
        let _ = write!(out, "| {name} | {best:.1} s |");
        for (index, kind) in kinds.iter().enumerate() {
            // Where the limit is given, only the client that is given it is of interest.
            let kind = condition.fixed.map_or(*kind, |_| condition.given());
            if condition.fixed.is_some() && index > 0 {
                out.push_str(" |");
                continue;
            }
            let (finished, log) = run::observed(&condition.scenario, &kind, seed, best);
            let _ = write!(out, " {} |", figures(&condition, &finished, &log));
            if index == 0 {
                let (most, mean) = in_flight(&log);
                let asserted = condition.in_flight;
                let _ = writeln!(
                    ranges,
                    "| {name} | {most} | {} to {} | {mean:.1} | {} to {} |",
                    asserted.max.0, asserted.max.1, asserted.mean.0, asserted.mean.1
                );
            }
        }
        out.push('\n');
    }
    out + &ranges
}

fn figures(condition: &Condition, finished: &[Finished], log: &Log) -> String {
    let makespan = finished.iter().map(|job| job.at).fold(0.0, f64::max);
    let failed = condition.scenario.jobs - finished.iter().filter(|job| job.done).count();
    match failed {
        0 => format!("{makespan:.2} s / {}", log.refused),
        failed => format!("{failed} fail"),
    }
}

/// The most that was in flight, and its mean over time.
fn in_flight(log: &Log) -> (usize, f64) {
    let most = log.in_flight.iter().map(|(_, n)| *n).max().unwrap_or(0);
    let area: f64 = log
        .in_flight
        .windows(2)
        .map(|w| w[0].1 as f64 * (w[1].0 - w[0].0))
        .sum();
    let end = log.in_flight.last().map_or(1.0, |(at, _)| *at);
    (most, area / end)
}
