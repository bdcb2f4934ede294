//! Limiters of Python.

use std::time::Duration;

use serde_json::json;

use super::window;
use crate::scenario::{Allows, Scenario};
use crate::servers::{Server, wants_litellm};
use crate::tokens::{CHAT, Job, RESERVED, TAKEN};

/// Why some rows are out of bounds.
const EARLY: &str = "the look at its end comes a moment early, and the next one late";
const SILENT: &str = "closes without a word: the first end is found by probes";
const SECOND: &str = "a whole second is told for a part of one, which hides the pace";
const IDLE: &str = "counts connections, of which the client opens more than it uses";

pub(super) fn all() -> Vec<Scenario> {
    let litellm = wants_litellm().then(litellm).unwrap_or_default();
    [limits(), servers(), litellm].concat()
}

/// The library `limits` in two guises. What it says of a window's end is a second late.
fn limits() -> Vec<Scenario> {
    let slowapi = |headers, limit, every, latency, strategy: &str| {
        let options = json!({
            "limit": format!("{limit}/{every} seconds"),
            "strategy": strategy,
            "headers_enabled": headers,
            "key_style": "endpoint",
        });
        let silent = if headers { "" } else { " silent" };
        let name = format!("slowapi {strategy}{silent}");
        window(&name, "slowapi_app.py", (limit, every), latency, options).hints(headers)
    };
    let flask = |headers, limit, every, latency| {
        let limits = [format!("{limit}/{every} seconds")];
        let options = json!({"default_limits": limits, "headers_enabled": headers});
        let name = if headers { "" } else { " silent" };
        let name = format!("Flask-Limiter{name}");
        window(&name, "flask_app.py", (limit, every), latency, options).hints(headers)
    };
    vec![
        slowapi(true, 150, 10, 100, "fixed-window"),
        slowapi(false, 150, 10, 100, "moving-window").beyond(EARLY),
        flask(true, 60, 3, 50),
        flask(true, 150, 10, 100),
        flask(false, 150, 10, 100),
        flask(false, 60, 3, 50).beyond(SILENT),
    ]
}

/// A log of each one's time, windows in Redis, and a server's own limit of open connections.
fn servers() -> Vec<Scenario> {
    let django = |limit, latency| {
        let options = json!({
            "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
            "DEFAULT_THROTTLE_RATES": {"anon": format!("{limit}/s")},
        });
        let name = "Django REST framework";
        window(name, "django_app.py", (limit, 1), latency, options)
    };
    let redis = |limit, every, latency| {
        Scenario::new(
            &format!("fastapi-limiter {limit}/{every}s"),
            Server::Redis {
                name: "fastapi_limiter_app.py",
                options: json!({"times": limit, "seconds": every}),
            },
            latency,
            Allows::Window {
                limit,
                every: Duration::from_secs(every),
            },
        )
    };
    // It counts the connection that asks, too, and refuses at its limit.
    let uvicorn = |limit: usize, latency| {
        Scenario::new(
            &format!("uvicorn --limit-concurrency {limit}"),
            Server::Script {
                name: "uvicorn_app.py",
                options: json!({"limit_concurrency": limit}),
            },
            latency,
            Allows::AtOnce(limit - 1),
        )
    };
    vec![
        django(20, 50).beyond(SECOND),
        redis(50, 10, 100),
        uvicorn(10, 200).beyond(IDLE),
    ]
}

/// Tokens in windows: what a request may take is reserved, and what it did not take is given back at its end. The answers
/// tell what is left, and refusals when the window ends.
fn litellm() -> Vec<Scenario> {
    let run = |limit: u64, every, latency, job: Job| {
        // The last of a window needs what is reserved.
        let options = json!({"limit": TAKEN * limit + RESERVED - TAKEN, "window": every});
        let name = match job.cost {
            Some(_) => "LiteLLM proxy, tokens",
            None => "LiteLLM proxy, tokens, no cost told",
        };
        let limit = limit as usize;
        window(name, "litellm_app.py", (limit, every), latency, options).job(job)
    };
    let untold = Job { cost: None, ..CHAT };
    vec![run(60, 5, 200, CHAT), run(60, 5, 200, untold)]
}
