//! What can be set.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::{Authority, Scheme};
use bytesize::ByteSize;

use crate::cost::{Counted, Provider};

/// Names that stand for the gateway's own addresses.
const TAKEN: [&str; 3] = ["v1", "metrics", "status.json"];

/// The settings of a [`Gateway`](crate::Gateway). Each has an option of the same name on the
/// command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// Where requests go, as often as there are upstreams: an address, or NAME=address. The first
    /// one is served at /v1/..., and each at /NAME/v1/...; without a name it is the host's
    #[arg(long = "upstream", value_name = "[NAME=]URL", required = true)]
    pub upstreams: Vec<Target>,

    /// How many requests may wait, per upstream; those that come on top are answered 429
    #[arg(long, value_name = "N", default_value = "1000", value_parser = at_least_one)]
    pub max_queue: usize,

    /// The most requests that may be in flight, per upstream, credential and model; how many are is learned
    #[arg(long, value_name = "N", default_value = "1000", value_parser = at_least_one)]
    pub max_in_flight: usize,

    /// How many credentials and models have a gate of their own, per upstream; those not used for
    /// longest are forgotten
    #[arg(long, value_name = "N", default_value = "1000", value_parser = at_least_one)]
    pub max_keys: usize,

    /// The largest body of a request, which is kept until it is answered; above it 413
    #[arg(long, value_name = "SIZE", default_value = "32MiB")]
    pub max_body: ByteSize,

    /// How much of all waiting requests' bodies is kept in memory; above it 429
    #[arg(long, value_name = "SIZE", default_value = "512MiB")]
    pub max_buffered: ByteSize,

    /// How long a client may take to send its request's body; above it 408
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub body_timeout: Duration,

    /// How long a request may wait and be sent again until its answer begins; above it 504
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    pub timeout: Duration,

    /// How long a request may wait in line until it is sent for the first time; above it 503. Unbounded by
    /// default
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub max_wait: Option<Duration>,

    /// Where a JSON body names its class, `interactive`, `normal` or `batch`, as a JSON pointer such as
    /// /metadata/class; the header x-gateway-priority counts first
    #[arg(long, value_name = "POINTER")]
    pub priority_field: Option<String>,

    /// Makes the requests of each API key a class of its own, so that keys of one quota get equal shares
    #[arg(long)]
    pub fair_keys: bool,

    /// Counts the tokens of JSON requests, by the rules of openai, anthropic, gemini, or compatible, for an upstream
    /// or for all: estimated when they come, and settled by the usage of their answers
    #[arg(long = "cost", value_name = "[NAME=]PROVIDER")]
    pub costs: Vec<Counted>,

    /// How long to go on after SIGTERM or Ctrl-C with the requests that were taken
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub drain: Duration,
}

impl Config {
    /// The defaults, for these upstreams.
    #[must_use]
    pub fn new(upstreams: Vec<Target>) -> Self {
        Self {
            upstreams,
            max_queue: 1000,
            max_in_flight: 1000,
            max_keys: 1000,
            max_body: ByteSize::mib(32),
            max_buffered: ByteSize::mib(512),
            body_timeout: Duration::from_secs(60),
            timeout: Duration::from_secs(600),
            max_wait: None,
            priority_field: None,
            fair_keys: false,
            costs: Vec::new(),
            drain: Duration::from_secs(30),
        }
    }

    /// The settings, if they go together.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.upstreams.is_empty() {
            return Err("at least one upstream is needed".to_owned());
        }
        for (at, target) in self.upstreams.iter().enumerate() {
            if self.upstreams[..at]
                .iter()
                .any(|other| other.name == target.name)
            {
                return Err(format!("two upstreams are named {}", target.name));
            }
        }
        for (at, rule) in self.costs.iter().enumerate() {
            let of = rule.upstream.as_deref();
            if let Some(name) =
                of.filter(|name| !self.upstreams.iter().any(|up| *up.name == **name))
            {
                return Err(format!("no upstream is named {name}"));
            }
            if self.costs[..at]
                .iter()
                .any(|other| other.upstream == rule.upstream)
            {
                return Err(format!("two costs for {}", of.unwrap_or("all upstreams")));
            }
        }
        if self.max_buffered < self.max_body {
            return Err("--max-buffered is less than --max-body".to_owned());
        }
        Ok(())
    }

    /// By whose rules the tokens of an upstream are counted, if they are.
    pub(crate) fn provider(&self, target: &Target) -> Option<Provider> {
        let of = |name| {
            self.costs
                .iter()
                .find(|rule| rule.upstream.as_deref() == name)
        };
        let rule = of(Some(&*target.name)).or_else(|| of(None))?;
        Some(rule.provider)
    }
}

/// An upstream: a name, and where it is.
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) name: Arc<str>,
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// What stands before `/v1`; no slash at its end.
    pub(crate) path: String,
}

impl Target {
    pub(crate) fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Where a request goes that has this path, which begins with `/v1`, and this query.
    pub(crate) fn uri(&self, path: &str, query: Option<&str>) -> Option<Uri> {
        let path = match query {
            Some(query) => format!("{}{path}?{query}", self.path),
            None => format!("{}{path}", self.path),
        };
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .ok()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, url) = match text.split_once('=') {
            // A `=` may also be part of an address that is refused below.
            Some((name, url)) if !name.contains(['/', ':']) => (Some(name), url),
            _ => (None, text),
        };
        let uri: Uri = url.parse().map_err(|error| format!("{error}"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err("an address such as https://api.openai.com is needed".to_owned());
        };
        if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
            return Err("the scheme is neither http nor https".to_owned());
        }
        // Both could hold a secret, which would then be seen in logs and on the page.
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err("neither a password nor a query may stand in the address".to_owned());
        }
        let name = name.unwrap_or(authority.host());
        let sound = name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !sound || TAKEN.contains(&name) {
            return Err(format!(
                "{name:?} cannot be a name; NAME=address gives one of letters, digits and -_."
            ));
        }
        // Base addresses are often written with the `/v1` that the requests' paths begin with.
        let path = uri.path().trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path);
        Ok(Self {
            name: name.into(),
            scheme: scheme.clone(),
            authority: authority.clone(),
            path: path.to_owned(),
        })
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1 is needed".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

#[cfg(test)]
mod tests;
