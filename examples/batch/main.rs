//! Sends a file of posts through a rate-limited HTTP API, with this crate and in other ways. See
//! `examples/README.md`.

mod api;
mod args;
mod batch;
mod best;
mod clients;
mod hints;
mod output;
mod posts;
mod progress;
mod run;
mod spec;
mod summary;
mod wire;

use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Parser, ValueEnum};
use serde_json::json;
use tokio::sync::mpsc;

use crate::api::Api;
use crate::args::{Args, ClientKind};
use crate::batch::Interrupts;
use crate::best::{Draws, best_makespan};
use crate::output::Output;
use crate::posts::Post;
use crate::summary::{Embedded, Summary, TABLE_HEAD};

/// Exit status: a job failed, or the output could not be written.
const FAILED: u8 = 1;
/// Exit status: nothing was sent, for the input or an option is wrong.
const UNUSABLE: u8 = 2;
/// Exit status: stopped by Ctrl-C.
const INTERRUPTED: i32 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let result = match args.compare {
        true => compare(&args).await,
        false => single(&args).await,
    };
    result.unwrap_or_else(|error| {
        let (status, reason) = match error {
            Error::Unusable(reason) => (UNUSABLE, reason),
            Error::Broken(reason) => (FAILED, reason),
        };
        eprintln!("error: {reason}");
        ExitCode::from(status)
    })
}

/// Why there is no summary.
enum Error {
    /// Nothing was sent.
    Unusable(String),
    /// Something was.
    Broken(String),
}

/// Sends the batch through one client.
async fn single(args: &Args) -> Result<ExitCode, Error> {
    let mut posts = read(args).map_err(Error::Unusable)?;
    let all = posts.len();
    let mut output = match &args.output {
        None => Output::temporary().map_err(Error::Unusable)?,
        Some(path) if args.resume => {
            let (output, done) = Output::resume(path).map_err(Error::Unusable)?;
            posts.retain(|post| !done.contains(&post.id));
            output
        }
        Some(path) => Output::create(path).map_err(Error::Unusable)?,
    };
    let skipped = all - posts.len();
    if let Some(path) = output.path() {
        eprintln!("Answers go to {}", path.display());
    }
    let mut interrupts = listen();
    let (mut summary, interrupted) =
        run(args, args.client, posts, &mut output, &mut interrupts).await?;
    summary.skipped = skipped;
    summary.output = output.path().map(Path::to_owned);
    println!("{summary}");
    if interrupted {
        println!("{}", how_to_go_on(output.path()));
    }
    if args.json {
        println!("{}", summary.to_json());
    }
    Ok(match (interrupted, summary.failed) {
        (true, _) => ExitCode::from(INTERRUPTED as u8),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(FAILED),
    })
}

/// Sends the batch through every client, each with an API of its own.
async fn compare(args: &Args) -> Result<ExitCode, Error> {
    let posts = read(args).map_err(Error::Unusable)?;
    let mut interrupts = listen();
    let mut summaries = Vec::new();
    let mut stopped = false;
    for kind in ClientKind::value_variants() {
        let mut output = Output::discard();
        let (summary, interrupted) =
            run(args, *kind, posts.clone(), &mut output, &mut interrupts).await?;
        summaries.push(summary);
        stopped = interrupted;
        if stopped {
            break;
        }
    }
    println!("{TABLE_HEAD}");
    for summary in &summaries {
        println!("{}", summary.row());
    }
    if args.json {
        let runs: Vec<_> = summaries.iter().map(Summary::to_json).collect();
        println!("{}", json!({ "runs": runs }));
    }
    // The others are there to be seen failing.
    let failed = summaries
        .iter()
        .any(|summary| summary.client == ClientKind::Throttle.name() && summary.failed > 0);
    Ok(match (stopped, failed) {
        (true, _) => ExitCode::from(INTERRUPTED as u8),
        (false, true) => ExitCode::from(FAILED),
        (false, false) => ExitCode::SUCCESS,
    })
}

fn read(args: &Args) -> Result<Vec<Post>, String> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/posts.jsonl");
    posts::read(args.input.as_deref().unwrap_or(Path::new(default)))
}

/// Runs one client, against the API of the options; true if the user stopped it.
async fn run(
    args: &Args,
    kind: ClientKind,
    posts: Vec<Post>,
    output: &mut Output,
    interrupts: &mut Interrupts,
) -> Result<(Summary, bool), Error> {
    let jobs = posts.len();
    let bodies: Vec<Bytes> = posts.iter().map(|post| post.body.clone()).collect();
    let api = match &args.url {
        Some(_) => None,
        None => Some(
            Api::start(&args.api, args.hints, args.latency)
                .await
                .map_err(|error| Error::Unusable(format!("the embedded API: {error}")))?,
        ),
    };
    let (uri, name) = match (&args.url, &api) {
        (Some(url), _) => (url.clone(), url.authority().map(ToString::to_string)),
        (None, Some(api)) => (api.uri(), Some(args.api.to_string())),
        (None, None) => unreachable!("without a URL there is an embedded API"),
    };
    let outcome = batch::send(kind, posts, uri, output, interrupts)
        .await
        .map_err(|error| Error::Broken(format!("the output: {error}")))?;
    let embedded = api.map(|api| {
        let tokens = bodies.iter().map(|body| api::tokens(body));
        let work: Vec<_> = tokens.zip(Draws::new(args.latency)).collect();
        Embedded {
            hints: args.hints.name(),
            latency: args.latency,
            counts: api.counts(),
            best: best_makespan(&args.api, &work),
        }
    });
    let summary = Summary {
        client: kind.name(),
        api: name.unwrap_or_default(),
        jobs,
        skipped: 0,
        done: outcome.done,
        failed: outcome.failed,
        refused: outcome.refused,
        peak_in_flight: outcome.peak_in_flight,
        makespan: outcome.makespan,
        embedded,
        output: None,
    };
    Ok((summary, outcome.interrupted))
}

/// Hears Ctrl-C for as long as the program runs.
fn listen() -> Interrupts {
    let (sender, interrupts) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && sender.send(()).is_ok() {}
    });
    interrupts
}

fn how_to_go_on(output: Option<&Path>) -> String {
    let path = output.unwrap_or(Path::new("FILE")).display();
    format!("Stopped. To do the rest, run the same again with --output {path} --resume")
}
