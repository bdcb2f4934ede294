//! Node's limiters, each a script beside this file.

use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Process, Result, home};

pub(super) fn start(script: &str, options: &Value, latency: Duration) -> Result<Process> {
    static PACKAGES: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    PACKAGES.get_or_init(install).clone()?;
    let mut command = Command::new("node");
    command
        .env("NODE_ENV", "production")
        .arg(home().join("servers").join(script))
        .arg(latency.as_millis().to_string())
        .arg(options.to_string());
    Process::announcing(command)
}

/// Installs what package-lock.json names, unless it is there.
fn install() -> std::result::Result<(), String> {
    if home().join("node_modules/.package-lock.json").exists() {
        return Ok(());
    }
    let status = Command::new("npm").arg("ci").current_dir(home()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("npm ci in tests/interop: {status}")),
        Err(error) => Err(format!("npm: {error}")),
    }
}
