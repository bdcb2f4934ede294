//! Against rate limiters that nobody here wrote: those of nginx, HAProxy, Envoy, Varnish,
//! Node, Python and Rust.
//!
//! ```text
//! cargo test --test interop -- --include-ignored
//! ```
//!
//! prints a table at the end. README.md beside this file says what it means.

mod backend;
mod client;
mod process;
mod scenario;
mod scenarios;
mod servers;
mod tokens;

use std::cmp::Reverse;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::scenario::{Row, Scenario};

/// How many run at a time, unless told otherwise: they wait most of the time.
const THREADS: usize = 6;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(THREADS));
    let slack = match slack() {
        Ok(slack) => slack,
        Err(error) => {
            eprintln!("INTEROP_SLACK: {error}");
            return ExitCode::from(2);
        }
    };
    let rows: Arc<Mutex<Vec<Option<Row>>>> = Arc::default();
    let mut scenarios: Vec<_> = scenarios::all().into_iter().enumerate().collect();
    // The longest first, so that none is left to run alone.
    scenarios.sort_by_key(|(_, scenario)| Reverse(scenario.best()));
    let trials = scenarios
        .into_iter()
        .map(|(place, scenario)| {
            let rows = Arc::clone(&rows);
            let needs = scenario.server.needs();
            Trial::test(scenario.name.clone(), move || {
                let row = median(&scenario, slack)?;
                let fault = row.fault(slack).map(|fault| format!("{fault}: {row:?}"));
                let mut rows = rows.lock().expect("nothing panics under it");
                if rows.len() <= place {
                    rows.resize_with(place + 1, || None);
                }
                rows[place] = Some(row);
                fault.map_or(Ok(()), |fault| Err(fault.into()))
            })
            .with_kind(needs)
            .with_ignored_flag(true)
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let rows = rows.lock().expect("nothing panics under it");
    print(rows.iter().flatten());
    conclusion.exit_code()
}

/// By how many times a run may exceed the bounds: once, unless the machine has other work.
fn slack() -> Result<f64, std::num::ParseFloatError> {
    std::env::var("INTEROP_SLACK").map_or(Ok(1.0), |times| times.parse())
}

/// A run, or the median of three by their time where the first one is out of bounds: all is in real
/// time, and the machine may have been busy. What fails, or loses a request, fails at once.
fn median(scenario: &Scenario, slack: f64) -> Result<Row, Failed> {
    let first = run(scenario)?;
    if !first.is_beyond(slack) {
        return Ok(first);
    }
    let mut rows = [first, run(scenario)?, run(scenario)?];
    if let Some(lost) = rows.iter().position(|row| row.failed > 0) {
        rows.swap(1, lost);
    } else {
        rows.sort_by_key(|row| row.elapsed);
    }
    let [_, median, _] = rows;
    Ok(median)
}

fn run(scenario: &Scenario) -> Result<Row, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let row = runtime.block_on(scenario.run());
    row.map_err(|error| format!("{}: {error}", scenario.server.needs()).into())
}

fn print<'a>(rows: impl Iterator<Item = &'a Row>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    println!("| limiter | hints | failed | refused | time | best | ratio | |");
    println!("|---|---|---:|---:|---:|---:|---:|---|");
    for row in rows {
        println!(
            "| {} | {} | {} | {:.1} % | {:.1} s | {:.1} s | {:.2} | {} |",
            row.name,
            if row.hints { "yes" } else { "no" },
            row.failed,
            row.percent(),
            row.elapsed.as_secs_f64(),
            row.best.as_secs_f64(),
            row.ratio(),
            match (row.holds(), row.beyond) {
                (true, _) => "",
                (false, None) => "**missed**",
                (false, Some(why)) => why,
            }
        );
    }
}
