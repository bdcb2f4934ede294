//! The command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::hints::Hints;
use crate::presets::Preset;
use crate::secrets::Secret;
use crate::spec::{Spec, parse_duration};

/// Sends a file of posts through a rate-limited HTTP API, as fast as the API allows.
///
/// Without --url and --as the API is an embedded one on loopback, whose limits you choose.
#[derive(Debug, Clone, Parser)]
#[command(name = "batch", max_term_width = 100)]
pub(crate) struct Args {
    /// The posts: JSON lines, each an object with a unique "id"; "-" is standard input
    /// [default: the 500 posts in examples/data/posts.jsonl]
    #[arg(long, value_name = "FILE", help_heading = "Posts and answers")]
    pub(crate) input: Option<PathBuf>,

    /// Where the answers go, a JSON line each, as they come; "-" is standard output
    /// [default: a temporary file, whose path is printed]
    #[arg(long, value_name = "FILE", help_heading = "Posts and answers")]
    pub(crate) output: Option<PathBuf>,

    /// Go on: skip the posts that have a successful line in --output, and append to it
    #[arg(long, requires = "output", help_heading = "Posts and answers")]
    pub(crate) resume: bool,

    /// Replace the answers that are in --output
    #[arg(
        long,
        requires = "output",
        conflicts_with = "resume",
        help_heading = "Posts and answers"
    )]
    pub(crate) overwrite: bool,

    /// The order of the lines in --output; "input" sorts them at the end, one line for each post
    #[arg(long, value_enum, default_value_t = Order::Completion, help_heading = "Posts and answers")]
    pub(crate) order: Order,

    /// Print the summary as one JSON object on the last line
    #[arg(long, help_heading = "Posts and answers")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) web: Web,

    /// The embedded API's limits, joined by commas: concurrency=N, rpm=N, tpm=N (each with an
    /// optional burst=N after it), window=N/TIME
    #[arg(
        long,
        default_value = "concurrency=5",
        value_name = "LIMITS",
        help_heading = "The embedded API"
    )]
    pub(crate) api: Spec,

    /// What the embedded API says about its limits
    #[arg(long, value_enum, default_value_t = Hints::None, help_heading = "The embedded API")]
    pub(crate) hints: Hints,

    /// Mean time the embedded API works on a request; log-normal, sigma 0.4
    #[arg(
        long,
        default_value = "100ms",
        value_parser = parse_duration,
        value_name = "TIME",
        help_heading = "The embedded API"
    )]
    pub(crate) latency: Duration,

    /// How to send the posts
    #[arg(long, value_enum, default_value_t = ClientKind::Throttle, help_heading = "How to send")]
    pub(crate) client: ClientKind,

    /// Run every client, each against a fresh embedded API, and print one table; answers are not
    /// kept
    #[arg(
        long,
        conflicts_with_all = ["url", "preset", "client", "output", "dry_run"],
        help_heading = "How to send"
    )]
    pub(crate) compare: bool,

    /// Count tokens: four bytes of the body are one, and the body's max_tokens
    #[arg(long, help_heading = "How to send")]
    pub(crate) tokens: bool,

    /// Let a post's "class" (interactive, normal, batch) say who goes first; default normal
    #[arg(long, help_heading = "How to send")]
    pub(crate) classes: bool,

    /// Bound an attempt, with its answer [default: 10m with --url or --as, else none]
    #[arg(long, value_parser = parse_duration, value_name = "TIME", help_heading = "How to send")]
    pub(crate) timeout: Option<Duration>,

    /// Wait this long while the API serves nobody, or when it asks for it
    /// [default: 5m of no service, a wait of 2m]
    #[arg(long, value_parser = parse_duration, value_name = "TIME", help_heading = "How to send")]
    pub(crate) patience: Option<Duration>,

    /// Begin with what an earlier run against the same host has learned, and keep what this one learns
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "compare",
        help_heading = "How to send"
    )]
    pub(crate) learnt: Option<PathBuf>,

    /// Tell what the layers do, and why, with the time of each step
    #[arg(long, help_heading = "How to send")]
    pub(crate) explain: bool,

    /// Show the first request, with its secrets hidden, and send nothing
    #[arg(long, help_heading = "How to send")]
    pub(crate) dry_run: bool,
}

/// The options that name an API on the web.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "An API on the web")]
pub(crate) struct Web {
    /// POST to this address instead of the embedded API
    #[arg(long, value_name = "URL", conflicts_with_all = ["api", "hints", "latency"])]
    pub(crate) url: Option<Secret>,

    /// Send each post's "text" as this API wants it, to its own address unless there is --url, with
    /// the key in OPENAI_API_KEY or ANTHROPIC_API_KEY
    #[arg(
        long = "as",
        value_enum,
        value_name = "API",
        requires = "model",
        conflicts_with_all = ["api", "hints", "latency", "body_template"]
    )]
    pub(crate) preset: Option<Preset>,

    /// The model for --as
    #[arg(long, value_name = "NAME", requires = "preset")]
    pub(crate) model: Option<String>,

    /// The most tokens of an answer for --as [default: 1024 for anthropic-messages, else the API's]
    #[arg(long, value_name = "N", requires = "preset")]
    pub(crate) max_tokens: Option<u32>,

    /// The request's body: JSON, or a file of it, in which "{{text}}" is the post's field "text"
    #[arg(long, value_name = "JSON or FILE")]
    pub(crate) body_template: Option<String>,

    /// A header of each request, as often as needed
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<Secret>,

    /// The same with the value in an environment variable: NAME=VAR, or 'NAME=Bearer VAR'
    #[arg(long, value_name = "NAME=VAR")]
    pub(crate) header_env: Vec<Secret>,

    /// Trust the certificates in this PEM file besides the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

/// The order of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// As they come
    Completion,
    /// As the posts stand in the input
    Input,
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

impl Args {
    /// Whether the API is one on the web.
    pub(crate) fn is_web(&self) -> bool {
        self.web.url.is_some() || self.web.preset.is_some()
    }

    /// Whether the answers go to standard output.
    pub(crate) fn answers_to_stdout(&self) -> bool {
        self.output.as_deref() == Some(Path::new("-"))
    }

    /// The bound of an attempt.
    pub(crate) fn attempt_timeout(&self) -> Option<Duration> {
        // A connection that hangs would keep the batch from its end.
        let default = self.is_web().then_some(Duration::from_secs(600));
        self.timeout.or(default)
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
        assert_eq!(args.attempt_timeout(), None);
        let args = Args::try_parse_from(["batch", "--url", "http://localhost/"]);
        let timeout = args.expect("a URL").attempt_timeout();
        assert_eq!(timeout, Some(Duration::from_secs(600)));
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            &["batch", "--resume"][..],
            &["batch", "--overwrite"],
            &["batch", "--output", "x", "--resume", "--overwrite"],
            &["batch", "--url", "http://localhost/", "--api", "rpm=60"],
            &["batch", "--compare", "--client", "naive"],
            &["batch", "--compare", "--learnt", "x"],
            &["batch", "--as", "openai-chat"],
            &["batch", "--model", "m"],
            &["batch", "--api", "rpm=0"],
        ] {
            assert!(Args::try_parse_from(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_mistyped_option_gets_a_suggestion_and_no_value_is_shown() {
        let line = ["batch", "--heder=Authorization: Bearer sk-1"];
        let error = Args::try_parse_from(line).expect_err("a slip").to_string();
        assert!(error.contains("'--header'"), "{error}");
        assert!(!error.contains("sk-1"), "{error}");
    }
}
