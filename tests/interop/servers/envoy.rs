//! Envoy, in front of an API.

use std::time::Duration;

use serde_json::{Value, json};

use super::script::venv;
use crate::backend;
use crate::process::{Process, Result};

/// Where its configuration names the types of its parts.
const TYPES: &str = "type.googleapis.com/envoy.extensions.filters";

/// `limit` configures the filter `local_ratelimit`, `breaker` the cluster's circuit breaker.
pub(super) async fn start(
    limit: Option<&Value>,
    breaker: Option<&Value>,
    latency: Duration,
) -> Result<Process> {
    let backend = backend::start(latency).await?;
    let limit = limit.map(|limit| {
        let always = json!({"default_value": {"numerator": 100}});
        let mut config = json!({
            "@type": format!("{TYPES}.http.local_ratelimit.v3.LocalRateLimit"),
            "stat_prefix": "limit",
            "filter_enabled": always,
            "filter_enforced": always,
        });
        merge(&mut config, limit);
        json!({"name": "limit", "typed_config": config})
    });
    let router = json!({
        "name": "router",
        "typed_config": {"@type": format!("{TYPES}.http.router.v3.Router")},
    });
    let filters: Vec<Value> = limit.into_iter().chain([router]).collect();
    // What does not limit must not be in the way: its own default is 1024.
    let mut thresholds = json!({"max_connections": 4096, "max_pending_requests": 4096});
    if let Some(breaker) = breaker {
        merge(&mut thresholds, breaker);
    }
    Process::listening(|port, dir| {
        let manager = json!({
            "@type": format!("{TYPES}.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "http",
            "http_filters": filters,
            "route_config": {"virtual_hosts": [{
                "name": "api",
                "domains": ["*"],
                "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "api"}}],
            }]},
        });
        let cluster = json!({
            "name": "api",
            "load_assignment": {
                "cluster_name": "api",
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at(backend.port())}}]}],
            },
            "circuit_breakers": {"thresholds": [thresholds]},
        });
        let config = json!({"static_resources": {
            "listeners": [{
                "address": at(port),
                "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
            }],
            "clusters": [cluster],
        }});
        let file = dir.join("envoy.json");
        std::fs::write(&file, config.to_string())?;
        let mut command = venv("envoy")?;
        // Alone: others must neither share its memory nor take over from it.
        command
            .args(["--disable-hot-restart", "--concurrency", "1"])
            .args(["--log-level", "error", "-c"])
            .arg(file);
        Ok(command)
    })
    .await
}

fn at(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

/// Adds to one object the fields of another.
fn merge(object: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
}
