//! Limiters of Node and Python, each a script in this directory.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Process, Result, home};

type Installed = OnceLock<std::result::Result<(), String>>;

/// Starts a script with two arguments: the latency in milliseconds, and the options.
pub(super) fn start(script: &str, options: &Value, latency: Duration) -> Result<Process> {
    static NODE: Installed = OnceLock::new();
    static PYTHON: Installed = OnceLock::new();
    let is_node = Path::new(script).extension().is_some_and(|it| it == "js");
    let mut command = if is_node {
        NODE.get_or_init(npm).clone()?;
        Command::new("node")
    } else {
        PYTHON.get_or_init(pip).clone()?;
        Command::new(home().join(".venv/bin/python"))
    };
    command
        .env("NODE_ENV", "production")
        .arg(home().join("servers").join(script))
        .arg(latency.as_millis().to_string())
        .arg(options.to_string());
    Process::announcing(command)
}

/// Installs what package-lock.json names, unless something is there.
fn npm() -> std::result::Result<(), String> {
    if home().join("node_modules/.package-lock.json").exists() {
        return Ok(());
    }
    run(Command::new("npm").arg("ci"))
}

/// Installs what requirements.txt names, unless it is there.
fn pip() -> std::result::Result<(), String> {
    if home().join(".venv/installed").exists() {
        return Ok(());
    }
    run(Command::new("python3").args(["-m", "venv", ".venv"]))?;
    run(Command::new(".venv/bin/pip").args(["install", "--quiet", "-r", "requirements.txt"]))?;
    std::fs::write(home().join(".venv/installed"), "").map_err(|error| error.to_string())
}

fn run(command: &mut Command) -> std::result::Result<(), String> {
    match command.current_dir(home()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
