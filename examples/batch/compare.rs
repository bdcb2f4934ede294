//! All clients, one after the other.

use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use crate::args::{Args, ClientKind};
use crate::forecast::forecast;
use crate::output::Output;
use crate::posts::Shape;
use crate::session::{self, Error};
use crate::stopping::Stop;
use crate::summary::Summary;
use crate::table::Table;
use crate::times::about;
use crate::{connect, tell};

/// Sends the batch through every client, each with an API of its own.
pub(crate) async fn run(args: &Args) -> Result<ExitCode, Error> {
    let unusable = Error::Unusable;
    let connector = connect::connector(false, None).map_err(unusable)?;
    let shape = Shape::of(args).map_err(unusable)?;
    let input = session::source(args)?
        .check(shape, &Default::default())
        .map_err(unusable)?;
    let work = session::work(args, &input)?;
    let kinds = ClientKind::value_variants();
    let times: Vec<_> = kinds
        .iter()
        .map(|kind| forecast(*kind, &args.api, &work))
        .collect();
    let total = about(times.iter().sum::<Duration>());
    tell::err(format_args!(
        "{} clients, one after the other: about {total} in all",
        kinds.len()
    ));
    let mut interrupts = session::listen();
    let mut summaries = Vec::new();
    for (kind, time) in kinds.iter().zip(&times) {
        tell::err(format_args!("{}: about {}", kind.name(), about(*time)));
        let mut output = Output::discard();
        let way = (None, &connector);
        let run = session::run(args, *kind, &input, way, None, &mut output, &mut interrupts);
        let summary = run.await?;
        let stopped = summary.stopped == Some(Stop::Interrupted);
        summaries.push(summary);
        if stopped {
            break;
        }
    }
    let table = Table::for_width(tell::width_of_stdout());
    tell::out(table.head());
    for summary in &summaries {
        tell::out(table.row(summary));
    }
    if args.json {
        let runs: Vec<_> = summaries.iter().map(Summary::to_json).collect();
        tell::out(json!({ "runs": runs }));
    }
    // The others are there to be seen failing.
    let stopped = summaries.last().and_then(|last| last.stopped.as_ref());
    let failed = summaries
        .iter()
        .any(|summary| summary.client == ClientKind::Throttle.name() && summary.failed > 0);
    Ok(match (stopped, failed) {
        (Some(Stop::Interrupted), _) => ExitCode::from(crate::INTERRUPTED),
        (_, true) => ExitCode::from(crate::FAILED),
        (_, false) => ExitCode::SUCCESS,
    })
}
