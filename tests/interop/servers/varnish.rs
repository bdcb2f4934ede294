//! Varnish, in front of an API. Its module vsthrottle limits.

use std::time::Duration;

use super::debian;
use crate::backend;
use crate::process::{Process, Result};

/// `receive` stands in `vcl_recv`, `synthetic` in `vcl_synth`, before Varnish's own code.
pub(super) async fn start(receive: &str, synthetic: &str, latency: Duration) -> Result<Process> {
    let backend = backend::start(latency).await?;
    Process::listening(|port, dir| {
        let config = format!(
            "vcl 4.1;
            import vsthrottle;
            backend api {{ .host = \"127.0.0.1\"; .port = \"{}\"; }}
            sub vcl_recv {{
                {receive}
                return (pass);
            }}
            sub vcl_synth {{
                {synthetic}
            }}",
            backend.port()
        );
        let file = dir.join("api.vcl");
        std::fs::write(&file, config)?;
        let mut command = debian("varnishd");
        // In the foreground, as whoever runs it. The process that serves ends with this one.
        command
            .args(["-F", "-j", "none", "-T", "none", "-s", "malloc,16M", "-a"])
            .arg(format!("127.0.0.1:{port}"))
            .arg("-n")
            .arg(dir.join("work"))
            .arg("-f")
            .arg(file);
        Ok(command)
    })
    .await
}
