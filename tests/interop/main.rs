//! Against rate limiters that nobody here wrote: nginx, and Node's.
//!
//! ```text
//! cargo test --release --test interop -- --include-ignored
//! ```
//!
//! prints a table at the end. README.md beside this file says what it means.

mod backend;
mod client;
mod process;
mod scenario;
mod scenarios;
mod servers;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::scenario::{Row, Scenario};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They wait most of the time.
    arguments.test_threads = arguments.test_threads.or(Some(8));
    let rows = Arc::default();
    let trials = scenarios::all()
        .into_iter()
        .map(|scenario| {
            let rows = Arc::clone(&rows);
            Trial::test(scenario.name.clone(), move || run(&scenario, &rows))
        })
        .map(|trial| trial.with_ignored_flag(true))
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let rows: &Mutex<Vec<Row>> = &rows;
    print(&rows.lock().expect("no trial panics under it"));
    conclusion.exit_code()
}

fn run(scenario: &Scenario, rows: &Mutex<Vec<Row>>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let row = runtime
        .block_on(scenario.run())
        .map_err(|e| e.to_string())?;
    let missed = row.missed().then(|| format!("out of bounds: {row:?}"));
    rows.lock().expect("no trial panics under it").push(row);
    missed.map_or(Ok(()), |why| Err(why.into()))
}

fn print(rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    println!("| limiter | latency | hints | failed | refused | time | best | ratio | |");
    println!("|---|---:|---|---:|---:|---:|---:|---:|---|");
    for row in rows {
        println!(
            "| {} | {:?} | {} | {} | {:.1} % | {:.2} s | {:.2} s | {:.2} | {} |",
            row.name,
            row.latency,
            if row.hints { "yes" } else { "no" },
            row.failed,
            row.percent(),
            row.elapsed.as_secs_f64(),
            row.best.as_secs_f64(),
            row.ratio(),
            if row.missed() { "missed" } else { "" },
        );
    }
}
