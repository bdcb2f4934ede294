//! What the command line says.

use std::path::PathBuf;

use clap::Parser;
use sim::server::Answers;

/// Clients of every kind do the same work against one simulated API.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Only scenarios of this name (repeatable; a trailing `*` matches any ending).
    #[arg(long, value_name = "SCENARIO")]
    pub(crate) only: Vec<String>,
    /// Only clients of this name (repeatable; a trailing `*` matches any ending).
    #[arg(long, value_name = "NAME")]
    pub(crate) client: Vec<String>,
    /// The client `throttle`, and the same driven in other ways than by a clone for each job.
    #[arg(long, conflicts_with = "client")]
    pub(crate) drivers: bool,
    /// How every scenario answers what it accepts.
    #[arg(long, value_enum)]
    pub(crate) answers: Option<Answers>,
    /// How many seeds each runs with: 3, or 12 for a sweep and a check of tokens, or 1 for composed scenarios. A fleet of
    /// 100 members and more runs with the first.
    #[arg(long)]
    pub(crate) seeds: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Multiplies the number of jobs of every scenario.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) jobs_scale: f64,
    /// N scenarios of each kind of limit, drawn at random, in place of those that have names.
    #[arg(long, value_name = "N")]
    pub(crate) drawn: Option<usize>,
    /// A number of scenarios, each composed at random of a limit, hints, random refusals, an outage, a move of
    /// the limit, arrivals and clients. Prints quantiles, and how they compare with plain clients.
    #[arg(long, value_name = "N", conflicts_with_all = ["drawn", "sweep", "vector", "drivers"])]
    pub(crate) composed: Option<usize>,
    /// The cases of long-lived clients, in place of those that have names. Prints how they compare with plain
    /// clients.
    #[arg(long, conflicts_with_all = ["drawn", "composed", "sweep", "vector", "drivers", "check"])]
    pub(crate) lives: bool,
    /// APIs that limit tokens, in place of the scenarios that have names.
    #[arg(long, conflicts_with_all = ["composed", "lives", "vector", "drivers"])]
    pub(crate) tokens: bool,
    /// With `--tokens`, requests as large as those of this CSV: a moment, tokens of input, tokens of output.
    #[arg(long, value_name = "CSV", requires = "tokens")]
    pub(crate) requests: Option<PathBuf>,
    /// Requests of two classes under one gate, in place of scenarios and clients that have names: who waits,
    /// how long, and what it costs. 12 seeds.
    #[arg(long, conflicts_with_all = ["drawn", "composed", "lives", "sweep", "vector", "drivers"])]
    pub(crate) classes: bool,
    /// Programs that run twice, in place of scenarios and clients that have names: what the second run saves that
    /// begins with what the first has learned. 12 seeds. With `--long`, also each case that is drawn.
    #[arg(long, conflicts_with_all = ["drawn", "composed", "lives", "sweep", "vector", "drivers", "classes"])]
    pub(crate) resume: bool,
    /// Processes that share one limit through a store, in place of scenarios and clients that have names: from 2 to
    /// 1,000 of them, of a limit that is known or not, with a store that is away for ten seconds, and with a member
    /// that dies. With `--drawn`, others of each kind, with their quantiles.
    #[arg(long, conflicts_with_all = ["composed", "lives", "sweep", "vector", "drivers", "classes"])]
    pub(crate) fleet: bool,
    /// The seed by which scenarios are drawn.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) draw: u64,
    /// Adds a scenario with the arrivals of this CSV.
    #[arg(long, value_name = "CSV")]
    pub(crate) arrivals: Option<PathBuf>,
    /// Exits 1 if a row of this crate's defaults misses a bound, and names it, unless its scenario says why; also, in a few scenarios,
    /// if a program drives them in another way than by a clone for each job, and the quantiles of composed
    /// scenarios.
    #[arg(long)]
    pub(crate) check: bool,
    /// Changes each constant of the default limit by half, one at a time, and prints which figures
    /// leave their bounds. With `--check`, exits 1 if one does.
    #[arg(long)]
    pub(crate) sweep: bool,
    /// Sweeps only constants of this name (repeatable; a trailing `*` matches any ending).
    #[arg(long, value_name = "NAME", requires = "sweep")]
    pub(crate) constant: Vec<String>,
    /// Writes what the client believed and did over time as CSV (the first of the scenarios and
    /// clients that match, the first seed).
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Draws a run with the first seed over time, an SVG per scenario and client: what was in flight
    /// and what was allowed, sent and refused.
    #[arg(long, value_name = "DIR")]
    pub(crate) plot: Option<PathBuf>,
    /// Prints how the clients fare in Vector's own twelve conditions instead.
    #[arg(long)]
    pub(crate) vector: bool,
    /// Prints which scenarios hold their bounds, and of the others what is missed and why.
    #[arg(long, conflicts_with = "long")]
    pub(crate) standing: bool,
    /// Prints every figure, a line per scenario and client.
    #[arg(long)]
    pub(crate) long: bool,
    /// Lists scenarios and clients.
    #[arg(long)]
    pub(crate) list: bool,
}

impl Args {
    /// Whether each run is held against plain clients with the same work.
    pub(crate) fn is_beside_plain(&self) -> bool {
        self.composed.is_some() || self.lives
    }
}
