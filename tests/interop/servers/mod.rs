//! The servers.

mod nginx;
mod node;

use std::time::Duration;

use crate::process::{Process, Result};

/// A server and how it is set up.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    /// What stands in nginx's `http` block, and in its only `location`.
    Nginx { http: String, location: String },
    /// A script of the directory `servers`, and its options as JSON.
    Node {
        script: &'static str,
        options: serde_json::Value,
    },
}

impl Server {
    pub(crate) async fn start(&self, latency: Duration) -> Result<Process> {
        match self {
            Self::Nginx { http, location } => nginx::start(http, location, latency).await,
            Self::Node { script, options } => node::start(script, options, latency),
        }
    }

    /// What must be installed.
    pub(crate) fn needs(&self) -> &'static str {
        match self {
            Self::Nginx { .. } => "needs nginx",
            Self::Node { .. } => "needs node and npm",
        }
    }
}
