//! The proving ground: clients of every kind do the same work against one simulated API.

mod best;
mod check;
mod clients;
mod clock;
mod drawn;
mod hints;
mod limits;
mod measure;
#[cfg(feature = "plot")]
mod plot;
mod run;
mod scenario;
mod scenarios;
mod schedule;
mod server;
mod table;
mod trace;
mod vector;
mod work;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use clap::Parser;

use crate::clients::Kind;
use crate::scenario::Scenario;
use crate::table::Row;

/// Clients of every kind do the same work against one simulated API.
#[derive(Debug, Parser)]
struct Args {
    /// Only scenarios of this name (repeatable; a trailing `*` matches any ending).
    #[arg(long, value_name = "SCENARIO")]
    only: Vec<String>,
    /// Only clients of this name (repeatable; a trailing `*` matches any ending).
    #[arg(long, value_name = "NAME")]
    client: Vec<String>,
    /// How many seeds each runs with.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Multiplies the number of jobs of every scenario.
    #[arg(long, default_value_t = 1.0)]
    jobs_scale: f64,
    /// So many scenarios of each kind of limit, drawn at random by the first seed, in place of those
    /// that have names.
    #[arg(long, value_name = "N")]
    drawn: Option<usize>,
    /// Adds a scenario with the arrivals of this CSV.
    #[arg(long, value_name = "CSV")]
    arrivals: Option<PathBuf>,
    /// Exits 1 if a row of this crate's defaults misses a bound, and names it.
    #[arg(long)]
    check: bool,
    /// Writes what the client believed and did over time as CSV (the first of the scenarios and
    /// clients that match, the first seed).
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Draws limit and in flight over time, an SVG per scenario and client.
    #[cfg(feature = "plot")]
    #[arg(long, value_name = "DIR")]
    plot: Option<PathBuf>,
    /// Prints how the clients fare in Vector's own twelve conditions instead.
    #[arg(long)]
    vector: bool,
    /// Prints every figure, a line per scenario and client.
    #[arg(long)]
    long: bool,
    /// Lists scenarios and clients.
    #[arg(long)]
    list: bool,
}

fn named(name: &str, wanted: &[String]) -> bool {
    let is = |wanted: &String| match wanted.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == wanted,
    };
    wanted.is_empty() || wanted.iter().any(is)
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut scenarios = match args.drawn {
        Some(count) => drawn::of_each(count, args.seed),
        None => scenarios::all(),
    };
    if let Some(path) = &args.arrivals {
        match std::fs::read_to_string(path) {
            Ok(text) => scenarios.push(scenarios::of_trace(work::read_trace(&text))),
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                return ExitCode::from(2);
            }
        }
    }
    for scenario in &mut scenarios {
        scenario.jobs = ((scenario.jobs as f64 * args.jobs_scale) as usize).max(1);
    }
    if args.list {
        list(&scenarios);
        return ExitCode::SUCCESS;
    }
    scenarios.retain(|scenario| named(scenario.name, &args.only));
    let kinds: Vec<Kind> = clients::ALL
        .iter()
        .filter(|kind| named(kind.name, &args.client))
        .copied()
        .collect();
    if args.check && !kinds.iter().any(|kind| kind.name == clients::DEFAULTS) {
        eprintln!(
            "--check is about the client {}, which is left out",
            clients::DEFAULTS
        );
        return ExitCode::from(2);
    }
    if scenarios.is_empty() || kinds.is_empty() {
        eprintln!("nothing of that name: see --list");
        return ExitCode::from(2);
    }
    match act(&args, &scenarios, &kinds) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn act(args: &Args, scenarios: &[Scenario], kinds: &[Kind]) -> Result<ExitCode, Box<dyn Error>> {
    if args.vector {
        print!("{}", vector::report(kinds, args.seed));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(path) = &args.trace {
        std::fs::write(
            path,
            trace::csv(&run::sampled(&scenarios[0], &kinds[0], args.seed)),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    #[cfg(feature = "plot")]
    if let Some(dir) = &args.plot {
        std::fs::create_dir_all(dir)?;
        for (scenario, kind) in scenarios
            .iter()
            .flat_map(|s| kinds.iter().map(move |k| (s, k)))
        {
            let path = dir.join(format!("{}-{}.svg", scenario.name, kind.name));
            let samples = run::sampled(scenario, kind, args.seed);
            plot::draw(&path, scenario, kind.name, &samples)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let rows = rows(scenarios, kinds, args.seed..args.seed + args.seeds);
    print!(
        "{}",
        if args.long {
            table::long(&rows)
        } else {
            table::short(&rows)
        }
    );
    Ok(if args.check {
        checked(&rows)
    } else {
        ExitCode::SUCCESS
    })
}

/// Names what the defaults miss.
fn checked(rows: &[Row]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for row in rows.iter().filter(|row| row.kind.name == clients::DEFAULTS) {
        let rivals = |other: &&Row| other.scenario.name == row.scenario.name && !other.kind.ours;
        let rivals: Vec<&Row> = rows.iter().filter(rivals).collect();
        for miss in check::misses(row, &rivals) {
            eprintln!("{}: {miss}", row.scenario.name);
            code = ExitCode::FAILURE;
        }
    }
    code
}

fn list(scenarios: &[Scenario]) {
    println!("scenarios (best possible time with seed 1, and as a fluid):");
    for scenario in scenarios {
        let jobs = work::jobs(scenario, 1);
        let (best, fluid) = (best::best(scenario, &jobs), best::fluid(scenario, &jobs));
        println!(
            "  {:22} {:7.1} s {:7.1} s  {}",
            scenario.name, best, fluid, scenario.title
        );
    }
    println!("clients:");
    for kind in clients::ALL {
        println!("  {:22} {}", kind.name, kind.about);
    }
}

/// Runs all, on all cores.
fn rows(scenarios: &[Scenario], kinds: &[Kind], seeds: std::ops::Range<u64>) -> Vec<Row> {
    let mut rows = Vec::new();
    for scenario in scenarios {
        for kind in kinds {
            rows.push(Row {
                scenario: scenario.clone(),
                kind: *kind,
                runs: Vec::new(),
            });
        }
    }
    let work: Vec<(usize, u64)> = (0..rows.len())
        .flat_map(|row| seeds.clone().map(move |seed| (row, seed)))
        .collect();
    let next = Mutex::new(work.into_iter());
    let measured = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some((row, seed)) = next.lock().expect("work").next() else {
                        break;
                    };
                    let run = run::run(&rows[row].scenario, &rows[row].kind, seed);
                    measured.lock().expect("measured").push((row, seed, run));
                }
            });
        }
    });
    let mut measured = measured.into_inner().expect("measured");
    measured.sort_by_key(|(row, seed, _)| (*row, *seed));
    for (row, _, run) in measured {
        rows[row].runs.push(run);
    }
    rows
}
