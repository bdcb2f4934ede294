//! `tower_governor`, in a program of its own.

use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use super::script::{Installed, run};
use crate::process::{Process, Result};

const PACKAGE: &str = "interop-tower-governor";

pub(super) fn start(period: Duration, burst: usize, latency: Duration) -> Result<Process> {
    static BUILT: Installed = OnceLock::new();
    BUILT
        .get_or_init(|| run(cargo().args(["build", "--quiet", "-p", PACKAGE])))
        .clone()?;
    let mut command = cargo();
    // It becomes the program, so that killing it leaves none behind.
    command
        .args(["run", "--quiet", "-p", PACKAGE, "--"])
        .arg(latency.as_millis().to_string())
        .arg(period.as_millis().to_string())
        .arg(burst.to_string());
    Process::announcing(command)
}

fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}
