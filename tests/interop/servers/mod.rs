//! The servers.

mod envoy;
mod haproxy;
mod nginx;
mod redis;
mod script;
mod tower;
mod varnish;

use std::process::Command;
use std::time::Duration;

pub(crate) use self::script::wants_litellm;
use crate::process::{Process, Result};

/// A server and how it is set up.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    /// What stands in nginx's `http` block, and in its only `location`.
    Nginx { http: String, location: String },
    /// What stands in HAProxy's only `frontend`.
    Haproxy { rules: String },
    /// What configures Envoy's filter `local_ratelimit`, and its circuit breaker.
    Envoy {
        limit: Option<serde_json::Value>,
        breaker: Option<serde_json::Value>,
    },
    /// What stands in Varnish's `vcl_recv` and `vcl_synth`.
    Varnish { receive: String, synthetic: String },
    /// A script of the directory `servers`, and its options.
    Script {
        name: &'static str,
        options: serde_json::Value,
    },
    /// Such a script whose limiter counts in Redis.
    Redis {
        name: &'static str,
        options: serde_json::Value,
    },
    /// `tower_governor`: how long until one more may come, and how many may come at once.
    Tower { period: Duration, burst: usize },
}

impl Server {
    pub(crate) async fn start(&self, latency: Duration) -> Result<Process> {
        match self {
            Self::Nginx { http, location } => nginx::start(http, location, latency).await,
            Self::Haproxy { rules } => haproxy::start(rules, latency).await,
            Self::Envoy { limit, breaker } => {
                envoy::start(limit.as_ref(), breaker.as_ref(), latency).await
            }
            Self::Varnish { receive, synthetic } => {
                varnish::start(receive, synthetic, latency).await
            }
            Self::Script { name, options } => script::start(name, options, latency),
            Self::Redis { name, options } => redis::start(name, options, latency).await,
            Self::Tower { period, burst } => tower::start(*period, *burst, latency),
        }
    }

    /// What must be installed.
    pub(crate) fn needs(&self) -> &'static str {
        match self {
            Self::Nginx { .. } => "needs nginx: apt-get install nginx",
            Self::Haproxy { .. } => "needs haproxy: apt-get install haproxy",
            Self::Script { name, .. } if name.ends_with(".js") => {
                "needs node and npm: apt-get install nodejs npm"
            }
            Self::Varnish { .. } => "needs varnish: apt-get install varnish varnish-modules",
            Self::Redis { .. } => "needs redis: apt-get install redis-server python3-venv",
            Self::Tower { .. } => "needs cargo",
            Self::Envoy { .. } | Self::Script { .. } => {
                "needs python3 with venv: apt-get install python3-venv"
            }
        }
    }
}

/// A server that Debian installs in a folder that only root has in its `PATH`.
fn debian(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin"));
    command
}
