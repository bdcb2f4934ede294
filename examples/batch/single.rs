//! One client, whose answers are kept.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use crate::args::{Args, ClientKind, Order};
use crate::learnt::{EMBEDDED, Earlier};
use crate::output::{self, Done, Output};
use crate::posts::{Input, Shape, Source};
use crate::session::{self, Error};
use crate::summary::Summary;
use crate::target::Target;
use crate::{connect, tell};

/// Sends the batch through one client.
pub(crate) async fn run(args: &Args) -> Result<ExitCode, Error> {
    // Whatever can be wrong is found before anything is written or sent.
    let web = target(args).map_err(Error::Unusable)?;
    let https = web
        .as_ref()
        .is_some_and(|web| web.uri.scheme_str() == Some("https"));
    let connector = connect::connector(https, args.web.ca.as_deref()).map_err(Error::Unusable)?;
    let server = web.as_ref().map_or(EMBEDDED.to_owned(), Target::name);
    let (input, mut output, earlier) = open(args, &server)?;
    if let Some(path) = output.path() {
        tell::err(format_args!("Answers go to {}", path.display()));
    }
    if web.as_ref().is_some_and(Target::is_exposed) {
        tell::err("warning: the address is not https, so the network sees the secrets in it");
    }
    let mut interrupts = session::listen();
    let way = (web.as_ref(), &connector);
    let kind = args.client;
    let run = session::run(
        args,
        kind,
        &input,
        way,
        earlier,
        &mut output,
        &mut interrupts,
    );
    let summary = run.await?;
    report(args, &summary);
    if let (Order::Input, Some(path)) = (args.order, output.path()) {
        let sorted = input.ids().and_then(|ids| output::sort(path, ids));
        let unsorted = |error| Error::Broken(format!("the answers are not sorted: {error}"));
        sorted.map_err(unsorted)?;
    }
    Ok(ExitCode::from(match (&summary.stopped, summary.failed) {
        (Some(stop), _) => stop.status(),
        (None, 0) => 0,
        (None, _) => crate::FAILED,
    }))
}

/// The API on the web, if the options name one.
pub(crate) fn target(args: &Args) -> Result<Option<Target>, String> {
    Target::on_the_web(&args.web, |name| std::env::var(name).ok())
}

/// Checks the input, reads what was learned of the server, and opens the output.
fn open(args: &Args, server: &str) -> Result<(Input, Output, Option<Arc<Earlier>>), Error> {
    let unusable = Error::Unusable;
    let path = args.output.as_deref().filter(|_| !args.answers_to_stdout());
    if path.is_none() && args.output.is_some() && (args.resume || args.order == Order::Input) {
        let reason = "--resume and --order input need a file as --output";
        return Err(unusable(reason.to_owned()));
    }
    let is_special = |path: &Path| std::fs::metadata(path).is_ok_and(|found| !found.is_file());
    if args.order == Order::Input && path.is_some_and(is_special) {
        return Err(unusable(
            "--order input needs a file as --output".to_owned(),
        ));
    }
    let source = session::source(args)?;
    if let Some(path) = path {
        output::check_apart(path, &source).map_err(unusable)?;
    }
    let earlier = earlier(args, server, &source).map_err(unusable)?;
    let done = done(args)?;
    let shape = Shape::of(args).map_err(unusable)?;
    let input = source.check(shape, &done.ids).map_err(unusable)?;
    let output = match path {
        None if args.answers_to_stdout() => Ok(Output::stdout()),
        None => Output::temporary(),
        Some(path) if args.resume => Output::append(path, &done),
        Some(path) => Output::create(path, args.overwrite),
    };
    Ok((input, output.map_err(unusable)?, earlier.map(Arc::new)))
}

/// What an earlier run has learned of the server, if that is asked for.
fn earlier(args: &Args, server: &str, source: &Source) -> Result<Option<Earlier>, String> {
    let Some(path) = &args.learnt else {
        return Ok(None);
    };
    if args.client != ClientKind::Throttle {
        return Err("--learnt is for --client throttle: the others learn nothing".to_owned());
    }
    let output = args.output.as_deref().filter(|_| !args.answers_to_stdout());
    Earlier::open(path, server, source, output).map(Some)
}

/// What the output holds of a former run, if that counts.
pub(crate) fn done(args: &Args) -> Result<Done, Error> {
    match args.output.as_deref().filter(|_| args.resume) {
        Some(path) => output::done(path).map_err(Error::Unusable),
        None => Ok(Done::default()),
    }
}

/// Prints the summary; to standard error, if the answers went to standard output.
fn report(args: &Args, summary: &Summary) {
    let mut text = summary.to_string();
    if let Some(stop) = &summary.stopped {
        text.push_str(&format!("\n{stop}"));
    }
    let left = summary.done < summary.jobs;
    if let (true, Some(path)) = (left, &summary.output) {
        let verb = if summary.stopped.is_some() {
            "do the rest"
        } else {
            "send the failed ones again"
        };
        let path = path.display();
        text.push_str(&format!(
            "\nTo {verb}, run the same with --output {path} --resume"
        ));
    }
    if args.json {
        text.push_str(&format!("\n{}", summary.to_json()));
    }
    match args.answers_to_stdout() {
        true => tell::err(text),
        false => tell::out(text),
    }
}
