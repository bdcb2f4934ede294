//! Sends a file of posts through a rate-limited HTTP API, with this crate and in other ways. See
//! `examples/README.md`.

mod api;
mod args;
mod batch;
mod best;
mod classes;
mod clients;
mod compare;
mod connect;
mod dry_run;
mod forecast;
mod hints;
mod learnt;
mod output;
mod pace;
mod posts;
mod presets;
mod progress;
mod reasons;
mod run;
mod secrets;
mod session;
mod single;
mod spec;
mod stopping;
mod summary;
mod table;
mod target;
mod tell;
mod template;
mod times;
mod usage;
mod wire;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::args::Args;
use crate::session::Error;

/// Exit status: a job failed, or the output could not be written.
const FAILED: u8 = 1;
/// Exit status: nothing was sent, for the input or an option is wrong.
const UNUSABLE: u8 = 2;
/// Exit status: the API does not take the key.
const KEY_REFUSED: u8 = 3;
/// Exit status: the plan is used up.
const USED_UP: u8 = 4;
/// Exit status: the API serves nobody, or asks to come back later.
const NOT_NOW: u8 = 5;
/// Exit status: stopped by Ctrl-C.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => usage_error(&error),
    };
    let result = match (args.compare, args.dry_run) {
        (true, _) => compare::run(&args).await,
        (false, true) => dry_run::run(&args),
        (false, false) => single::run(&args).await,
    };
    result.unwrap_or_else(|error| {
        let (status, reason) = match error {
            Error::Unusable(reason) => (UNUSABLE, reason),
            Error::Broken(reason) => (FAILED, reason),
        };
        tell::err(format_args!("error: {reason}"));
        ExitCode::from(status)
    })
}

/// Says what is wrong with the command line, and ends the program.
fn usage_error(error: &clap::Error) -> ! {
    // A header without quotes falls apart into arguments, and one of them is a key.
    let stray = |argument: &&ContextValue| match argument {
        ContextValue::String(text) => !text.starts_with('-'),
        _ => false,
    };
    let is_stray = error.kind() == ErrorKind::UnknownArgument
        && error.get(ContextKind::InvalidArg).filter(stray).is_some();
    match is_stray {
        true => Args::command()
            .error(
                ErrorKind::UnknownArgument,
                "an argument belongs to no option; are quotes missing?",
            )
            .exit(),
        false => error.exit(),
    }
}
