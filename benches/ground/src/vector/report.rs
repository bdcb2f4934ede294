//! How the clients fare in Vector's conditions.

use std::fmt::Write as _;

use crate::clients::Kind;
use crate::run::{self, Observed};

use super::conditions::{Asserted, Condition, Range, all};

/// How often the limit is looked at, in seconds.
const SAMPLE: f64 = 0.01;

/// By so much a mean may miss a bound through rounding alone.
const ROUNDING: f64 = 1e-6;

/// Makespan and failed attempts of each client; and with the first of them, what was in flight,
/// how many calls there were and what limit was believed, against the ranges that Vector's tests
/// assert of its own controller.
pub fn report(kinds: &[Kind], seed: u64) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let mut out = format!("| condition | best | {} |\n", names.join(" | "));
    let _ = writeln!(out, "|---|---|{}", "---|".repeat(kinds.len()));
    let mut ranges = format!(
        "\nWith {}, and what Vector asserts of its own:\n\n\
         | condition | | most | Vector | mean | Vector |\n|---|---|--:|---|--:|---|\n",
        names[0]
    );
    for condition in all() {
        let _ = write!(
            out,
            "| {} | {:.1} s |",
            condition.scenario.name, condition.best
        );
        for (index, kind) in kinds.iter().enumerate() {
            // Where a limit is given there is nothing to compare.
            if condition.given.is_some() && index > 0 {
                out.push_str(" |");
                continue;
            }
            let kind = condition.given.as_ref().unwrap_or(kind);
            let seen = run::observed(&condition.scenario, kind, seed, condition.best, SAMPLE);
            let _ = write!(out, " {} |", figures(&condition, &seen));
            if index == 0 {
                ranges.push_str(&compared(&condition, &seen));
            }
        }
        out.push('\n');
    }
    out + &ranges
}

fn figures(condition: &Condition, seen: &Observed) -> String {
    let makespan = seen.finished.iter().map(|job| job.at).fold(0.0, f64::max);
    let failed = condition.scenario.work.jobs - seen.finished.iter().filter(|job| job.done).count();
    match failed {
        0 => format!("{makespan:.2} s / {}", seen.log.refused),
        failed => format!("{failed} fail"),
    }
}

fn compared(condition: &Condition, seen: &Observed) -> String {
    let in_flight = seen
        .log
        .in_flight
        .iter()
        .map(|(at, n)| (*at, *n as f64))
        .collect();
    let limit = |sample: &run::Sample| Some((sample.at, sample.belief.limit? as f64));
    let limit = seen.samples.iter().filter_map(limit).collect();
    let mut out = line(condition, "in flight", condition.in_flight, in_flight);
    out += &line(
        condition,
        "calls in the last second",
        condition.rate,
        rates(&seen.log.calls),
    );
    out + &line(condition, "limit", condition.limit, limit)
}

fn line(
    condition: &Condition,
    what: &str,
    asserted: Asserted,
    over_time: Vec<(f64, f64)>,
) -> String {
    if (asserted.0.is_none() && asserted.1.is_none()) || over_time.is_empty() {
        return String::new();
    }
    let most = over_time
        .iter()
        .map(|(_, value)| *value)
        .fold(0.0, f64::max);
    let area: f64 = over_time
        .windows(2)
        .map(|w| w[0].1 * (w[1].0 - w[0].0))
        .sum();
    let span = over_time[over_time.len() - 1].0 - over_time[0].0;
    let mean = area / span.max(f64::MIN_POSITIVE);
    let (most_of, mean_of) = (against(most, asserted.0), against(mean, asserted.1));
    let name = condition.scenario.name;
    format!("| {name} | {what} | {most:.0} | {most_of} | {mean:.1} | {mean_of} |\n")
}

fn against(value: f64, range: Option<Range>) -> String {
    range.map_or(String::new(), |(from, to)| {
        let word = match () {
            () if value < from - ROUNDING => "below",
            () if value > to + ROUNDING => "above",
            () => "within",
        };
        format!("{word} {from} to {to}")
    })
}

/// At each call, how many there were in the second before, it included.
fn rates(calls: &[f64]) -> Vec<(f64, f64)> {
    let mut from = 0;
    let rate = |(index, at): (usize, &f64)| {
        while calls[from] + 1.0 <= *at {
            from += 1;
        }
        (*at, (index + 1 - from) as f64)
    };
    calls.iter().enumerate().map(rate).collect()
}
