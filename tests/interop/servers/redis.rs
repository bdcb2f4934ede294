//! Scripts whose limiter counts in Redis.

use std::time::Duration;

use serde_json::Value;

use super::{debian, script};
use crate::process::{Process, Result};

/// Starts a Redis, and then the script, which finds it in its options.
pub(super) async fn start(name: &str, options: &Value, latency: Duration) -> Result<Process> {
    let redis = Process::listening(|port, dir| {
        let mut command = debian("redis-server");
        // In memory only.
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--port"])
            .arg(port.to_string())
            .arg("--dir")
            .arg(dir);
        Ok(command)
    })
    .await?;
    let mut options = options.clone();
    options["redis"] = format!("redis://{}", redis.address).into();
    Ok(script::start(name, &options, latency)?.with(redis))
}
