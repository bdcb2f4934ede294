//! HAProxy, in front of an API.

use std::process::Command;
use std::time::Duration;

use crate::backend;
use crate::process::{Process, Result, free_port};

pub(super) async fn start(rules: &str, latency: Duration) -> Result<Process> {
    let dir = tempfile::tempdir()?;
    let backend = backend::start(latency).await?;
    let port = free_port()?;
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
    let file = dir.path().join("haproxy.cfg");
    std::fs::write(&file, config)?;
    let mut command = Command::new("haproxy");
    // Debian keeps it where only root looks. -db: one process in the foreground.
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .env("PATH", format!("{path}:/usr/sbin"))
        .args(["-db", "-f"])
        .arg(file);
    Process::listening(command, port, dir).await
}
