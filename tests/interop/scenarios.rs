//! What is run.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scenario::{Allows, Scenario};
use crate::servers::Server;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn all() -> Vec<Scenario> {
    let mut all = vec![
        limit_req("30r/s", 30.0, "burst=5 nodelay", 6, 20, 429),
        limit_req("50r/s", 50.0, "burst=20 nodelay", 21, 200, 429),
        limit_req("20r/s", 20.0, "burst=1 nodelay", 2, 50, 429),
        limit_req("20r/s", 20.0, "", 1, 50, 429),
        limit_req("1200r/m", 20.0, "burst=100 nodelay", 101, 100, 429),
        limit_req("40r/s", 40.0, "burst=10", 1, 20, 429),
        limit_req("40r/s", 40.0, "burst=30", 1, 150, 429),
        limit_req("40r/s", 40.0, "burst=20 delay=8", 9, 100, 429),
        limit_req("100r/s", 100.0, "burst=10 nodelay", 11, 300, 429),
        limit_req("25r/s", 25.0, "burst=10 nodelay", 11, 100, 503),
        limit_req("25r/s", 25.0, "burst=10 nodelay", 11, 300, 429),
        limit_req("25r/s", 25.0, "burst=3 nodelay", 4, 5, 429),
        limit_conn(5, 100, 429),
        limit_conn(8, 200, 429),
        limit_conn(20, 300, 429),
        limit_conn(2, 50, 429),
        limit_conn(10, 200, 503),
        limit_conn(1, 30, 429),
        haproxy(100, 5, 50),
        haproxy(50, 2, 100),
    ];
    for (headers, limit, every, latency) in [
        ("draft-6", 50, 2000, 20),
        ("draft-7", 100, 5000, 100),
        ("draft-8", 30, 1000, 50),
        ("draft-8", 100, 5000, 200),
        ("draft-7", 150, 10000, 300),
        ("legacy", 60, 3000, 50),
        ("legacy", 150, 10000, 100),
        ("none", 100, 5000, 50),
    ] {
        all.push(express(headers, limit, every, latency));
    }
    for (draft, limit, every, latency) in [
        (false, 50, 2000, 20),
        (true, 100, 5000, 100),
        (false, 150, 10000, 50),
    ] {
        let headers = if draft { "draft" } else { "default" };
        all.push(window(
            &format!("@fastify/rate-limit {headers}"),
            "fastify.js",
            json!({"max": limit, "timeWindow": every, "enableDraftSpec": draft}),
            (limit, every),
            latency,
            true,
        ));
    }
    for (limit, every, latency) in [(60, 3000, 50), (150, 10000, 100)] {
        let w = (limit, every);
        all.extend([
            window(
                "koa-ratelimit",
                "koa.js",
                json!({"max": limit, "duration": every}),
                w,
                latency,
                true,
            ),
            window(
                "rate-limiter-flexible",
                "flexible.js",
                json!({"points": limit, "duration": every / 1000, "headers": true}),
                w,
                latency,
                true,
            ),
            window(
                "rate-limiter-flexible no headers",
                "flexible.js",
                json!({"points": limit, "duration": every / 1000}),
                w,
                latency,
                false,
            ),
            window(
                "hono-rate-limiter",
                "hono.js",
                json!({"limit": limit, "windowMs": every}),
                w,
                latency,
                true,
            ),
            window(
                "slowapi headers",
                "slowapi_app.py",
                json!({"limit": format!("{limit}/{} seconds", every / 1000), "headers_enabled": true}),
                w,
                latency,
                true,
            ),
            window(
                "slowapi moving-window no headers",
                "slowapi_app.py",
                json!({"limit": format!("{limit}/{} seconds", every / 1000), "strategy": "moving-window"}),
                w,
                latency,
                false,
            ),
            window(
                "flask-limiter headers",
                "flask_app.py",
                json!({"default_limits": [format!("{limit}/{} seconds", every / 1000)], "headers_enabled": true}),
                w,
                latency,
                true,
            ),
            window(
                "flask-limiter defaults",
                "flask_app.py",
                json!({"default_limits": [format!("{limit}/{} seconds", every / 1000)]}),
                w,
                latency,
                false,
            ),
        ]);
    }
    all
}

fn limit_req(
    rate: &str,
    per_second: f64,
    options: &str,
    first: usize,
    latency: u64,
    status: u16,
) -> Scenario {
    Scenario {
        name: format!("nginx limit_req rate={rate} {options} {status}"),
        server: Server::Nginx {
            http: format!("limit_req_zone $binary_remote_addr zone=z:1m rate={rate};"),
            location: format!("limit_req zone=z {options}; limit_req_status {status};"),
        },
        latency: ms(latency),
        allows: Allows::Bucket { first, per_second },
        hints: false,
    }
}

fn limit_conn(places: usize, latency: u64, status: u16) -> Scenario {
    Scenario {
        name: format!("nginx limit_conn {places} {status}"),
        server: Server::Nginx {
            http: "limit_conn_zone $binary_remote_addr zone=z:1m;".to_owned(),
            location: format!("limit_conn z {places}; limit_conn_status {status};"),
        },
        latency: ms(latency),
        allows: Allows::AtOnce(places),
        hints: false,
    }
}

fn haproxy(limit: usize, every: u64, latency: u64) -> Scenario {
    Scenario {
        name: format!("haproxy http_req_rate {limit} in {every} s"),
        server: Server::Haproxy {
            rules: format!(
                "stick-table type ip size 1k expire 60s store http_req_rate({every}s)\n\
                 http-request track-sc0 src\n\
                 http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {limit} }}"
            ),
        },
        latency: ms(latency),
        allows: Allows::Bucket {
            first: 0,
            per_second: limit as f64 / every as f64,
        },
        hints: false,
    }
}

fn express(headers: &str, limit: usize, every: u64, latency: u64) -> Scenario {
    let standard = match headers {
        "legacy" | "none" => json!(false),
        draft => json!(draft),
    };
    window(
        &format!("express-rate-limit {headers}"),
        "express.js",
        json!({
            "limit": limit,
            "windowMs": every,
            "standardHeaders": standard,
            "legacyHeaders": headers == "legacy",
        }),
        (limit, every),
        latency,
        headers != "none",
    )
}

fn window(
    name: &str,
    script: &'static str,
    options: Value,
    (limit, every): (usize, u64),
    latency: u64,
    hints: bool,
) -> Scenario {
    Scenario {
        name: format!("{name} {limit} in {} s", every / 1000),
        server: Server::Script {
            name: script,
            options,
        },
        latency: ms(latency),
        allows: Allows::Window {
            limit,
            every: ms(every),
        },
        hints,
    }
}
