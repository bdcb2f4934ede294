//! Limiters of Node and Python, each a script in this directory.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Process, Result, home};

/// Whether something could be installed, which is tried once.
pub(super) type Installed = OnceLock<std::result::Result<(), String>>;

/// Starts a script with two arguments: the latency in milliseconds, and the options.
pub(super) fn start(script: &str, options: &Value, latency: Duration) -> Result<Process> {
    static NODE: Installed = OnceLock::new();
    let is_node = Path::new(script).extension().is_some_and(|it| it == "js");
    let mut command = if is_node {
        NODE.get_or_init(npm).clone()?;
        Command::new("node")
    } else {
        venv("python")?
    };
    command
        .env("NODE_ENV", "production")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(home().join("servers").join(script))
        .arg(latency.as_millis().to_string())
        .arg(options.to_string());
    Process::announcing(command)
}

/// A program that requirements.txt brings.
pub(super) fn venv(program: &str) -> Result<Command> {
    static PYTHON: Installed = OnceLock::new();
    PYTHON.get_or_init(pip).clone()?;
    Ok(Command::new(home().join(".venv/bin").join(program)))
}

/// Installs what package-lock.json names, unless something is there.
fn npm() -> std::result::Result<(), String> {
    if home().join("node_modules/.package-lock.json").exists() {
        return Ok(());
    }
    run(Command::new("npm").arg("ci"))
}

/// Whether LiteLLM's proxy is wanted: it takes most of a gigabyte.
pub(crate) fn wants_litellm() -> bool {
    std::env::var_os("INTEROP_LITELLM").is_some()
}

/// Installs what requirements.txt names, and what LiteLLM needs if that is wanted, unless that very list is there.
fn pip() -> std::result::Result<(), String> {
    let installed = ".venv/installed";
    let read = |file: &&str| std::fs::read_to_string(home().join(file));
    let mut files = vec!["requirements.txt"];
    files.extend(wants_litellm().then_some("requirements-litellm.txt"));
    let lists: std::io::Result<String> = files.iter().map(read).collect();
    let list = lists.map_err(|error| format!("{files:?}: {error}"))?;
    if read(&installed).is_ok_and(|there| there == list) {
        return Ok(());
    }
    run(Command::new("python3").args(["-m", "venv", ".venv"]))?;
    let wanted = files.iter().flat_map(|file| ["-r", *file]);
    run(Command::new(".venv/bin/pip")
        .args(["install", "--quiet"])
        .args(wanted))?;
    std::fs::write(home().join(installed), list).map_err(|error| error.to_string())
}

/// Runs a command in the directory of these tests, unless it names another.
pub(super) fn run(command: &mut Command) -> std::result::Result<(), String> {
    match command.current_dir(home()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
