//! nginx, in front of an API: a `return` would answer before the limiter runs.

use std::time::Duration;

use super::debian;
use crate::backend;
use crate::process::{Process, Result};

pub(super) async fn start(http: &str, location: &str, latency: Duration) -> Result<Process> {
    let backend = backend::start(latency).await?;
    Process::listening(|port, dir| {
        // One process, so that killing it leaves none behind.
        let config = format!(
            "daemon off;
            master_process off;
            pid nginx.pid;
            error_log stderr error;
            events {{ worker_connections 4096; }}
            http {{
                access_log off;
                client_body_temp_path body;
                proxy_temp_path proxy;
                fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi;
                scgi_temp_path scgi;
                upstream api {{ server {backend}; keepalive 64; }}
                {http}
                server {{
                    listen 127.0.0.1:{port};
                    location / {{
                        {location}
                        proxy_pass http://api;
                        proxy_http_version 1.1;
                        proxy_set_header Connection '';
                    }}
                }}
            }}"
        );
        std::fs::write(dir.join("nginx.conf"), config)?;
        let mut command = debian("nginx");
        command
            .arg("-p")
            .arg(dir)
            .args(["-e", "stderr", "-c", "nginx.conf"]);
        Ok(command)
    })
    .await
}
