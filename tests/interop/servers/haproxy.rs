//! HAProxy, in front of an API.

use std::time::Duration;

use super::debian;
use crate::backend;
use crate::process::{Process, Result};

pub(super) async fn start(rules: &str, latency: Duration) -> Result<Process> {
    let backend = backend::start(latency).await?;
    Process::listening(|port, dir| {
        let config = format!(
            "defaults\n\
             mode http\n\
             timeout connect 5s\n\
             timeout client 60s\n\
             timeout server 60s\n\
             frontend limited\n\
             bind 127.0.0.1:{port}\n\
             {rules}\n\
             default_backend api\n\
             backend api\n\
             server api {backend}\n"
        );
        let file = dir.join("haproxy.cfg");
        std::fs::write(&file, config)?;
        let mut command = debian("haproxy");
        // One process, in the foreground.
        command.args(["-db", "-f"]).arg(file);
        Ok(command)
    })
    .await
}
