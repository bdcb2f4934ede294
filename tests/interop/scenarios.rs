//! What is run.

use std::time::Duration;

use serde_json::json;

use crate::scenario::{Allows, Scenario};
use crate::servers::Server;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    all.extend([
        limit_req("30r/s", 30.0, "burst=5 nodelay", 6, 20),
        limit_req("50r/s", 50.0, "burst=20 nodelay", 21, 200),
        limit_req("20r/s", 20.0, "burst=1 nodelay", 2, 50),
        limit_req("20r/s", 20.0, "", 1, 50),
        limit_req("1200r/m", 20.0, "burst=100 nodelay", 101, 100),
        limit_req("40r/s", 40.0, "burst=10", 1, 20),
        limit_req("40r/s", 40.0, "burst=30", 1, 150),
        limit_req("40r/s", 40.0, "burst=20 delay=8", 9, 100),
        limit_req("100r/s", 100.0, "burst=10 nodelay", 11, 300),
        limit_conn(5, 100),
        limit_conn(8, 200),
        limit_conn(20, 300),
        limit_conn(2, 50),
    ]);
    for (headers, limit, every, latency) in [
        ("draft-6", 50, 2000, 20),
        ("draft-7", 100, 5000, 100),
        ("draft-8", 30, 1000, 50),
        ("draft-8", 100, 5000, 200),
        ("legacy", 60, 3000, 50),
        ("legacy", 120, 10000, 100),
        ("none", 100, 5000, 50),
    ] {
        all.push(express(headers, limit, every, latency));
    }
    for (draft, limit, every, latency) in [
        (false, 50, 2000, 20),
        (true, 100, 5000, 100),
        (false, 150, 10000, 50),
    ] {
        all.push(fastify(draft, limit, every, latency));
    }
    all
}

fn limit_req(rate: &str, per_second: f64, options: &str, first: usize, latency: u64) -> Scenario {
    Scenario {
        name: format!("nginx limit_req rate={rate} {options}")
            .trim_end()
            .to_owned(),
        server: Server::Nginx {
            http: format!("limit_req_zone $binary_remote_addr zone=z:1m rate={rate};"),
            location: format!("limit_req zone=z {options}; limit_req_status 429;"),
        },
        latency: ms(latency),
        allows: Allows::Bucket { first, per_second },
        hints: false,
    }
}

fn limit_conn(places: usize, latency: u64) -> Scenario {
    Scenario {
        name: format!("nginx limit_conn {places}"),
        server: Server::Nginx {
            http: "limit_conn_zone $binary_remote_addr zone=z:1m;".to_owned(),
            location: format!("limit_conn z {places}; limit_conn_status 429;"),
        },
        latency: ms(latency),
        allows: Allows::AtOnce(places),
        hints: false,
    }
}

fn express(headers: &str, limit: usize, every: u64, latency: u64) -> Scenario {
    let standard = match headers {
        "legacy" | "none" => json!(false),
        draft => json!(draft),
    };
    Scenario {
        name: format!("express-rate-limit {headers} {limit} in {} s", every / 1000),
        server: Server::Node {
            script: "express.js",
            options: json!({
                "limit": limit,
                "windowMs": every,
                "standardHeaders": standard,
                "legacyHeaders": headers == "legacy",
            }),
        },
        latency: ms(latency),
        allows: Allows::Window {
            limit,
            every: ms(every),
        },
        hints: headers != "none",
    }
}

fn fastify(draft: bool, limit: usize, every: u64, latency: u64) -> Scenario {
    let headers = if draft { "draft" } else { "default" };
    Scenario {
        name: format!(
            "@fastify/rate-limit {headers} {limit} in {} s",
            every / 1000
        ),
        server: Server::Node {
            script: "fastify.js",
            options: json!({"max": limit, "timeWindow": every, "enableDraftSpec": draft}),
        },
        latency: ms(latency),
        allows: Allows::Window {
            limit,
            every: ms(every),
        },
        hints: true,
    }
}
