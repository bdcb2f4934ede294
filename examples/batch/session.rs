//! What all ways to run the program need.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::api::{self, Api};
use crate::args::{Args, ClientKind};
use crate::batch::{self, Interrupts};
use crate::best::{Draws, best_makespan};
use crate::clients::Choice;
use crate::connect::Connector;
use crate::learnt::Earlier;
use crate::output::Output;
use crate::posts::{Input, Source};
use crate::presets::Preset;
use crate::summary::{Embedded, Summary};
use crate::target::Target;

/// Why there is no summary.
#[derive(Debug)]
pub(crate) enum Error {
    /// Nothing was sent.
    Unusable(String),
    /// Something was.
    Broken(String),
}

/// The posts of the options, unread.
pub(crate) fn source(args: &Args) -> Result<Source, Error> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/posts.jsonl");
    // The package `batch` is two folders further down.
    let below = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/posts.jsonl");
    let default = [default, below]
        .map(Path::new)
        .into_iter()
        .find(|path| path.exists());
    let path = args.input.as_deref().or(default);
    let path = path.ok_or_else(|| Error::Unusable("--input is missing".to_owned()))?;
    Source::open(path).map_err(Error::Unusable)
}

/// Hears Ctrl-C for as long as the program runs, and what asks a service to end.
pub(crate) fn listen() -> Interrupts {
    let (sender, interrupts) = mpsc::unbounded_channel();
    #[cfg(unix)]
    if let Ok(mut end) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        let sender = sender.clone();
        tokio::spawn(async move { while end.recv().await.is_some() && sender.send(()).is_ok() {} });
    }
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && sender.send(()).is_ok() {}
    });
    interrupts
}

/// Runs one client, against the API on the web or a fresh embedded one.
pub(crate) async fn run(
    args: &Args,
    kind: ClientKind,
    input: &Input,
    (web, connector): (Option<&Target>, &Connector),
    earlier: Option<Arc<Earlier>>,
    output: &mut Output,
    interrupts: &mut Interrupts,
) -> Result<Summary, Error> {
    let api = match web {
        Some(_) => None,
        None => Some(embedded(args).await?),
    };
    let (target, name) = match (web, &api) {
        (Some(target), _) => (target.clone(), target.name()),
        (None, Some(api)) => (Target::embedded(api.uri()), args.api.to_string()),
        (None, None) => unreachable!("without an API on the web there is an embedded one"),
    };
    let choice = Choice {
        kind,
        connector: connector.clone(),
        timeout: args.attempt_timeout(),
        patience: args.patience,
        settles: args.tokens && args.web.preset.is_some_and(Preset::settles),
        explain: args.explain,
        earlier,
    };
    let outcome = batch::send(choice, input, target, output, interrupts)
        .await
        .map_err(Error::Broken)?;
    let embedded = match api {
        None => None,
        Some(api) => Some(Embedded {
            hints: args.hints.name(),
            latency: args.latency,
            counts: api.counts(),
            best: best_makespan(&args.api, &work(args, input)?),
        }),
    };
    Ok(Summary {
        client: kind.name(),
        api: name,
        jobs: input.len(),
        skipped: input.skipped,
        done: outcome.done,
        failed: outcome.failed,
        refused: outcome.refused,
        peak_in_flight: outcome.peak_in_flight,
        makespan: outcome.makespan,
        reasons: outcome.reasons,
        classes: args.classes.then_some(outcome.classes),
        stopped: outcome.stopped,
        embedded,
        output: output.path().map(Path::to_owned),
    })
}

async fn embedded(args: &Args) -> Result<Api, Error> {
    let api = Api::start(&args.api, args.hints, args.latency).await;
    api.map_err(|error| Error::Unusable(format!("the embedded API: {error}")))
}

/// The tokens of each post, and how long the embedded API works on it.
pub(crate) fn work(args: &Args, input: &Input) -> Result<Vec<(u32, std::time::Duration)>, Error> {
    let tokens = input
        .posts()
        .map(|post| Ok(api::tokens(&post.map_err(Error::Broken)?.body)));
    let draws = Draws::new(args.latency);
    tokens
        .zip(draws)
        .map(|(tokens, draw)| Ok((tokens?, draw)))
        .collect()
}
