//! The servers.

mod haproxy;
mod nginx;
mod script;

use std::process::Command;
use std::time::Duration;

use crate::process::{Process, Result};

/// A server and how it is set up.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    /// What stands in nginx's `http` block, and in its only `location`.
    Nginx { http: String, location: String },
    /// What stands in HAProxy's only `frontend`.
    Haproxy { rules: String },
    /// A script of the directory `servers`, and its options.
    Script {
        name: &'static str,
        options: serde_json::Value,
    },
}

impl Server {
    pub(crate) async fn start(&self, latency: Duration) -> Result<Process> {
        match self {
            Self::Nginx { http, location } => nginx::start(http, location, latency).await,
            Self::Haproxy { rules } => haproxy::start(rules, latency).await,
            Self::Script { name, options } => script::start(name, options, latency),
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
            Self::Script { .. } => "needs python3 with venv: apt-get install python3-venv",
        }
    }
}

/// A server that Debian keeps where only root looks.
fn debian(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin"));
    command
}
