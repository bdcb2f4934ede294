//! The proving ground: clients of every kind do the same work against one simulated API.

mod args;
mod check;
mod classes;
mod clients;
mod clock;
mod composed;
mod drawn;
mod driven;
mod fleet;
mod lives;
mod measure;
mod plot;
mod programs;
mod recovery;
mod resume;
mod run;
mod runs;
mod scenario;
mod scenarios;
mod server;
mod sweep;
mod table;
mod tokens;
mod trace;
mod vector;

use std::error::Error;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use sim::best::{fluid, last};
use sim::{requests, work};

use crate::args::Args;
use crate::clients::Kind;
use crate::scenario::Scenario;
use crate::table::Row;

fn named(name: &str, wanted: &[String]) -> bool {
    let is = |wanted: &String| match wanted.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == wanted,
    };
    wanted.is_empty() || wanted.iter().any(is)
}

/// Without a name, all but the drivers.
fn kinds(args: &Args) -> Vec<Kind> {
    let wanted = |kind: &&Kind| {
        if args.is_beside_plain() && args.client.is_empty() {
            kind.name == clients::DEFAULTS
        } else if args.tokens && args.check {
            tokens::CHECKED.contains(&kind.name)
        } else if args.drivers {
            kind.driver().is_some() || kind.name == clients::DEFAULTS
        } else {
            named(kind.name, &args.client) && !(kind.is_extra() && args.client.is_empty())
        }
    };
    clients::named().filter(wanted).copied().collect()
}

/// The scenarios that are drawn, or else those of a kind that have names.
fn chosen(args: &Args) -> Vec<Scenario> {
    match (args.drawn, args.composed) {
        (Some(count), _) if args.tokens => tokens::of_each(count, args.draw),
        (Some(count), _) => drawn::of_each(count, args.draw),
        (_, Some(count)) => composed::scenarios(count, args.draw),
        (None, None) if args.lives => lives::all(),
        (None, None) if args.tokens => tokens::all(),
        (None, None) => scenarios::all(),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some((table, misses)) = programs::of(&args) {
        print!("{table}");
        return checked(&[], if args.check { &misses } else { &[] });
    }
    let mut scenarios = chosen(&args);
    let traced = read(args.arrivals.as_ref())
        .and_then(|arrivals| Ok((arrivals, read(args.requests.as_ref())?)));
    match traced {
        Ok((arrivals, requests)) => {
            scenarios.extend(arrivals.map(|text| scenarios::of_trace(work::read_trace(&text))));
            if let Some(text) = requests {
                scenarios = tokens::of_trace(&requests::read(&text));
            }
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    }
    for scenario in &mut scenarios {
        scenario.work.jobs = ((scenario.work.jobs as f64 * args.jobs_scale) as usize).max(1);
        scenario.answers = args.answers.unwrap_or(scenario.answers);
    }
    if args.list {
        list(&scenarios);
        return ExitCode::SUCCESS;
    }
    scenarios.retain(|scenario| named(scenario.name, &args.only));
    let kinds = kinds(&args);
    if (args.check || args.sweep)
        && !args.tokens
        && !kinds.iter().any(|kind| kind.name == clients::DEFAULTS)
    {
        eprintln!(
            "--check and --sweep are about the client {}, which is left out",
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

/// The text of a file, if there is one of that name to be read.
fn read(path: Option<&PathBuf>) -> Result<Option<String>, String> {
    let text = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    path.map(text).transpose()
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
    let seeds = args.seeds.unwrap_or(match args {
        Args { sweep: true, .. }
        | Args {
            tokens: true,
            check: true,
            ..
        } => 12,
        args if args.is_beside_plain() => 1,
        _ => 3,
    });
    let seeds = args.seed..args.seed + seeds;
    if args.is_beside_plain() {
        return Ok(beside_plain(args, scenarios, kinds, seeds));
    }
    if args.sweep {
        return swept(args, scenarios, kinds, seeds);
    }
    let rows = runs::rows(scenarios, kinds, seeds.clone());
    print!("{}", shown(args, &rows));
    if !args.check {
        return Ok(ExitCode::SUCCESS);
    }
    if args.tokens {
        return Ok(checked(&[], &tokens::misses(&rows)));
    }
    let mut misses = driven::misses(scenarios, seeds);
    if args.only.is_empty() && args.drawn.is_none() {
        let defaults = kinds.iter().find(|kind| kind.name == clients::DEFAULTS);
        misses.extend(defaults.into_iter().flat_map(composed::checked));
    }
    Ok(checked(&rows, &misses))
}

/// The rows as they are asked for.
fn shown(args: &Args, rows: &[Row]) -> String {
    match args {
        Args { standing: true, .. } => table::standing(rows),
        Args { long: true, .. } => table::long(rows),
        _ => table::short(rows),
    }
}

/// Prints what the constants decide.
fn swept(
    args: &Args,
    scenarios: &[Scenario],
    kinds: &[Kind],
    seeds: Range<u64>,
) -> Result<ExitCode, Box<dyn Error>> {
    let rivals: Vec<Kind> = kinds.iter().filter(|kind| !kind.ours).copied().collect();
    let wanted = |name: &str| named(name, &args.constant);
    let kind = if args.tokens {
        Kind::told_with_tuning
    } else {
        Kind::with_tuning
    };
    let sweep = sweep::sweep(scenarios, kind, wanted, &rivals, seeds)?;
    print!("{sweep}");
    let failed = args.check && !sweep.holds();
    Ok(ExitCode::from(u8::from(failed)))
}

/// Prints how each kind of client compares with plain ones.
fn beside_plain(
    args: &Args,
    scenarios: &[Scenario],
    kinds: &[Kind],
    seeds: Range<u64>,
) -> ExitCode {
    let mut misses = Vec::new();
    for kind in kinds {
        let rows = composed::rows(scenarios, kind, seeds.clone());
        let report = if args.lives {
            composed::by_name(&rows)
        } else {
            composed::report(&rows, args.long)
        };
        println!("{}:\n\n{report}", kind.name);
        if args.check && kind.name == clients::DEFAULTS {
            misses.extend(composed::misses(&rows));
        }
    }
    checked(&[], &misses)
}

/// Names what the defaults miss, in these rows and otherwise.
fn checked(rows: &[Row], others: &[String]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for row in rows.iter().filter(|row| row.kind.name == clients::DEFAULTS) {
        let rivals = |other: &&Row| other.scenario.name == row.scenario.name && !other.kind.ours;
        let rivals: Vec<&Row> = rows.iter().filter(rivals).collect();
        let verdict = check::verdict(row, &rivals);
        for known in verdict.known {
            eprintln!("known: {known}");
        }
        for failure in verdict.failures {
            eprintln!("{failure}");
            code = ExitCode::FAILURE;
        }
    }
    for miss in others {
        eprintln!("{miss}");
        code = ExitCode::FAILURE;
    }
    code
}

fn list(scenarios: &[Scenario]) {
    println!("scenarios (best possible time with seed 1, and as a fluid):");
    for scenario in scenarios {
        let jobs = scenario.jobs(1);
        let (best, fluid) = (last(&scenario.best(&jobs)), fluid(&scenario.api, &jobs));
        println!(
            "  {:22} {:7.1} s {:7.1} s  {}",
            scenario.name, best, fluid, scenario.title
        );
    }
    println!("clients:");
    for kind in clients::named() {
        println!("  {:22} {}", kind.name, kind.about);
    }
}
