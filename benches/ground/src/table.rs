//! The Markdown table.

use std::fmt::Write as _;

use crate::check;
use crate::clients::Kind;
use crate::measure::Measured;
use crate::scenario::Scenario;

/// The runs of one scenario and one kind of client, one per seed.
#[derive(Clone, Debug)]
pub struct Row {
    pub scenario: Scenario,
    pub kind: Kind,
    pub runs: Vec<Measured>,
}

impl Row {
    pub fn mean(&self, of: impl Fn(&Measured) -> f64) -> f64 {
        self.runs.iter().map(of).sum::<f64>() / self.runs.len() as f64
    }

    pub fn worst(&self, of: impl Fn(&Measured) -> f64) -> f64 {
        self.runs.iter().map(of).fold(f64::NEG_INFINITY, f64::max)
    }

    pub fn failed(&self) -> usize {
        self.runs.iter().map(|run| run.failed).max().unwrap_or(0)
    }

    /// Makespan over best and refusals per 1,000 jobs; or how many jobs were given up.
    fn short(&self) -> String {
        match self.failed() {
            0 => format!(
                "{:.2} / {:.0}",
                self.mean(Measured::ratio),
                self.mean(|run| run.refused)
            ),
            failed => format!("{failed} fail"),
        }
    }
}

/// The rows that hold every bound, and the others with what they miss and why.
pub fn standing(rows: &[Row]) -> String {
    let (mut held, mut missed) = (String::new(), String::new());
    for row in rows {
        let (name, figures) = (row.scenario.name, row.short());
        let misses = check::misses(row, &[]);
        if misses.is_empty() {
            let _ = writeln!(held, "| `{name}` | {figures} |");
        } else {
            let misses: Vec<String> = misses.iter().map(ToString::to_string).collect();
            let (misses, why) = (misses.join("; "), row.scenario.known_miss.unwrap_or("?"));
            let _ = writeln!(missed, "| `{name}` | {figures} | {misses} | {why} |");
        }
    }
    format!(
        "| scenario | figures |\n|---|---|\n{held}\n\
         | scenario | figures | what is missed | why |\n|---|---|---|---|\n{missed}"
    )
}

/// Every figure of every row.
pub fn long(rows: &[Row]) -> String {
    let mut out = String::from(
        "| scenario | client | done | failed | makespan ÷ best | worst | refused per 1,000 | worst \
         | disturbed | peak in flight | queued p50 | p99 | Jain | joined | settled |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let optional = |row: &Row, of: fn(&Measured) -> Option<f64>, unit: &str| {
        let all: Option<Vec<f64>> = row.runs.iter().map(of).collect();
        all.map_or("".into(), |all| {
            format!("{:.2}{unit}", all.iter().sum::<f64>() / all.len() as f64)
        })
    };
    for row in rows {
        let _ = writeln!(
            out,
            "| {} | {} | {:.0} | {} | {:.3} | {:.3} | {:.1} | {:.1} | {:.0} | {} | {:.1} s | {:.1} s | {} | {} | {} |",
            row.scenario.title,
            row.kind.name,
            row.mean(|run| run.done as f64),
            row.failed(),
            row.mean(Measured::ratio),
            row.worst(Measured::ratio),
            row.mean(|run| run.refused),
            row.worst(|run| run.refused),
            row.mean(|run| run.disturbed),
            row.worst(|run| run.peak as f64),
            row.mean(|run| run.queued_p50),
            row.mean(|run| run.queued_p99),
            optional(row, |run| run.jain, ""),
            optional(row, |run| run.joined, " s"),
            optional(row, |run| run.settled, " round trips"),
        );
    }
    out
}

/// One line per scenario, one column per client.
pub fn short(rows: &[Row]) -> String {
    let mut kinds: Vec<&Kind> = Vec::new();
    let mut scenarios: Vec<&Scenario> = Vec::new();
    for row in rows {
        if !kinds.iter().any(|kind| kind.name == row.kind.name) {
            kinds.push(&row.kind);
        }
        if !scenarios
            .iter()
            .any(|scenario| scenario.name == row.scenario.name)
        {
            scenarios.push(&row.scenario);
        }
    }
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let mut out = format!("| scenario | jobs | latency | {} |\n", names.join(" | "));
    let _ = writeln!(out, "|---|---|---|{}", "---|".repeat(names.len()));
    for scenario in scenarios {
        let _ = write!(
            out,
            "| {} | {} | {} s |",
            scenario.title, scenario.work.jobs, scenario.work.latency
        );
        for kind in &kinds {
            let row = rows
                .iter()
                .find(|row| row.scenario.name == scenario.name && row.kind.name == kind.name);
            let _ = write!(out, " {} |", row.map_or("".into(), Row::short));
        }
        out.push('\n');
    }
    out
}
