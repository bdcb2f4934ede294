//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use hyper::Uri;

use crate::hints::Hints;
use crate::spec::{Spec, parse_duration};

/// Sends a file of posts through a rate-limited HTTP API, as fast as the API allows.
///
/// Without --url the API is an embedded one on loopback, whose limits you choose.
#[derive(Debug, Clone, Parser)]
#[command(name = "batch")]
pub(crate) struct Args {
    /// The posts: JSON lines, each an object with a unique "id" and a "text"
    /// [default: the 500 posts in examples/data/posts.jsonl]
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,

    /// Where the answers go, a JSON line each, in completion order; replaced unless --resume
    /// [default: a temporary file, whose path is printed]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Skip the posts that already have a successful line in --output, and append to it
    #[arg(long, requires = "output")]
    pub(crate) resume: bool,

    /// POST to this http:// address instead of the embedded API
    #[arg(long, value_parser = parse_url, conflicts_with_all = ["api", "hints", "latency"])]
    pub(crate) url: Option<Uri>,

    /// The embedded API's limits, joined by commas: concurrency=N, rpm=N, tpm=N (each with an
    /// optional burst=N after it), window=N/TIME
    #[arg(long, default_value = "concurrency=5", value_name = "LIMITS")]
    pub(crate) api: Spec,

    /// What the embedded API says about its limits
    #[arg(long, value_enum, default_value_t = Hints::None)]
    pub(crate) hints: Hints,

    /// Mean time the embedded API works on a request; log-normal, sigma 0.4
    #[arg(long, default_value = "100ms", value_parser = parse_duration, value_name = "TIME")]
    pub(crate) latency: Duration,

    /// How to send the posts
    #[arg(long, value_enum, default_value_t = ClientKind::Throttle)]
    pub(crate) client: ClientKind,

    /// Run every client, each against a fresh embedded API, and print one table; answers are not
    /// kept
    #[arg(long, conflicts_with_all = ["url", "client", "output", "resume"])]
    pub(crate) compare: bool,

    /// Print the summary as one JSON object on the last line of standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// The ways of sending that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClientKind {
    /// All posts at once, each once
    Naive,
    /// One post at a time, waiting 2^n seconds and jitter after a refusal
    Sequential,
    /// Five workers; a refused post is put back, and its worker waits 2^n seconds and jitter
    Queue,
    /// tower's own Retry over its ConcurrencyLimit(50)
    Tower,
    /// This crate: RetryOn429 over AdaptiveConcurrency
    Throttle,
}

impl ClientKind {
    /// The name on the command line and in the summary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Sequential => "sequential",
            Self::Queue => "queue",
            Self::Tower => "tower",
            Self::Throttle => "throttle",
        }
    }
}

fn parse_url(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(_)) => Ok(uri),
        // TLS would triple what a newcomer compiles.
        (Some("https"), _) => Err("this example speaks plain http only".to_owned()),
        _ => Err("an address such as http://127.0.0.1:8080/v1/posts is needed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_those_the_docs_name() {
        let args = Args::try_parse_from(["batch"]).expect("defaults parse");
        assert_eq!(args.api.to_string(), "concurrency=5");
        assert_eq!(args.latency, Duration::from_millis(100));
        assert_eq!(args.client, ClientKind::Throttle);
        assert_eq!(args.hints, Hints::None);
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            &["batch", "--resume"][..],
            &["batch", "--url", "http://localhost/", "--api", "rpm=60"],
            &["batch", "--compare", "--client", "naive"],
            &["batch", "--url", "https://localhost/"],
            &["batch", "--url", "localhost"],
            &["batch", "--api", "rpm=0"],
        ] {
            assert!(Args::try_parse_from(line).is_err(), "{line:?}");
        }
    }
}
