//! What is run.

mod proxies;
mod python;

use std::time::Duration;

use serde_json::{Value, json};

use crate::scenario::{Allows, Scenario};
use crate::servers::Server;

/// Why some rows are out of bounds.
const TIGHT: &str = "no burst: the least unevenness is refused";
const OVERLOAD: &str = "a 503 is first taken for overload: it takes several to show a limit";
const STRANGERS: &str = "what one gives up the other finds late";
const BURSTS: &str = "its rate is known only after ten refusals";
const TOLD: &str = "each spends what both are told is left";
const CLIMB: &str = "the climb from 4 takes an eighth of the time";
const AVERAGE: &str = "a sliding average is taken for windows longer than it needs to fall";
const ROUNDED: &str = "a wait of less than a second is told as none";
const TIMER: &str = "told after a reset what the last window left: every second one is lost";

pub(crate) fn all() -> Vec<Scenario> {
    [
        limit_req(),
        limit_conn(),
        haproxy(),
        proxies::all(),
        node(),
        python::all(),
        tower(),
    ]
    .concat()
}

/// A leaky bucket: `nodelay` refuses what exceeds the burst and else lets it in at once; without it
/// the excess waits in nginx, and what exceeds the burst is refused.
fn limit_req() -> Vec<Scenario> {
    let run = |rate: &str, options: &str, first, latency, status: u16| {
        let (count, per) = rate.split_once("r/").expect("a rate");
        let count: f64 = count.parse().expect("a number");
        let per_second = if per == "m" { count / 60.0 } else { count };
        Scenario::new(
            &format!("nginx limit_req {rate} {options}{}", told(status)),
            Server::Nginx {
                http: format!("limit_req_zone $binary_remote_addr zone=z:1m rate={rate};"),
                location: format!("limit_req zone=z {options}; limit_req_status {status};"),
            },
            latency,
            Allows::Bucket { first, per_second },
        )
    };
    vec![
        run("30r/s", "burst=5 nodelay", 6, 20, 429).beyond(BURSTS),
        run("50r/s", "burst=20 nodelay", 21, 200, 429).beyond(BURSTS),
        run("1200r/m", "burst=100 nodelay", 101, 100, 429),
        run("25r/s", "burst=10 nodelay", 11, 300, 429),
        run("25r/s", "burst=3 nodelay", 4, 5, 429),
        run("40r/s", "burst=10", 1, 20, 429),
        run("40r/s", "burst=30", 1, 150, 429),
        run("40r/s", "burst=20 delay=8", 9, 100, 429),
        run("20r/s", "burst=1 nodelay", 2, 50, 429).beyond(TIGHT),
        run("20r/s", "", 1, 50, 429).beyond(TIGHT),
        run("25r/s", "burst=10 nodelay", 11, 100, 503).beyond(OVERLOAD),
        run("40r/s", "burst=20 nodelay", 21, 50, 429)
            .clients(2)
            .beyond(STRANGERS),
    ]
}

/// A number of requests at once; the next is refused.
fn limit_conn() -> Vec<Scenario> {
    let run = |places, latency, status| {
        Scenario::new(
            &format!("nginx limit_conn {places}{}", told(status)),
            Server::Nginx {
                http: "limit_conn_zone $binary_remote_addr zone=z:1m;".to_owned(),
                location: format!("limit_conn z {places}; limit_conn_status {status};"),
            },
            latency,
            Allows::AtOnce(places),
        )
    };
    vec![
        run(1, 30, 429),
        run(2, 50, 429),
        run(5, 100, 429),
        run(8, 200, 429),
        run(20, 400, 429).beyond(CLIMB),
        run(10, 200, 503),
        run(10, 200, 429).clients(2),
    ]
}

/// 429 is what an API would set; 503 is what nginx says unless told otherwise.
fn told(status: u16) -> &'static str {
    if status == 503 { " status 503" } else { "" }
}

/// A sliding average, to which refused requests count as well.
fn haproxy() -> Vec<Scenario> {
    let run = |limit, every: u64, latency| {
        Scenario::new(
            &format!("HAProxy http_req_rate {limit}/{every}s"),
            Server::Haproxy {
                rules: format!(
                    "stick-table type ip size 1k expire 60s store http_req_rate({every}s)\n\
                     http-request track-sc0 src\n\
                     http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {limit} }}"
                ),
            },
            latency,
            Allows::Sliding {
                limit,
                every: Duration::from_secs(every),
            },
        )
    };
    vec![
        run(100, 5, 50).beyond(AVERAGE),
        run(50, 2, 100).beyond(AVERAGE),
    ]
}

/// A limiter of `limit` requests in `every` seconds, from its first.
fn window(
    name: &str,
    script: &'static str,
    (limit, every): (usize, u64),
    latency: u64,
    options: Value,
) -> Scenario {
    Scenario::new(
        &format!("{name} {limit}/{every}s"),
        Server::Script {
            name: script,
            options,
        },
        latency,
        Allows::Window {
            limit,
            every: Duration::from_secs(every),
        },
    )
}

fn node() -> Vec<Scenario> {
    let express = |headers: &str, limit, every, latency| {
        let standard = headers.starts_with("draft").then_some(headers);
        let options = json!({
            "limit": limit,
            "windowMs": every * 1000,
            "standardHeaders": standard.map_or(json!(false), |draft| json!(draft)),
            "legacyHeaders": headers == "legacy",
        });
        let name = format!("express-rate-limit {headers}");
        window(&name, "express.js", (limit, every), latency, options).hints(headers != "silent")
    };
    let fastify = |draft, limit, every, latency| {
        let options = json!({"max": limit, "timeWindow": every * 1000, "enableDraftSpec": draft});
        let name = if draft { " draft" } else { "" };
        let name = format!("@fastify/rate-limit{name}");
        window(&name, "fastify.js", (limit, every), latency, options).hints(true)
    };
    let koa = |limit, every, latency| {
        let options = json!({"max": limit, "duration": every * 1000});
        window("koa-ratelimit", "koa.js", (limit, every), latency, options).hints(true)
    };
    let hono = |limit, every, latency| {
        let options = json!({"limit": limit, "windowMs": every * 1000});
        window(
            "hono-rate-limiter",
            "hono.js",
            (limit, every),
            latency,
            options,
        )
        .hints(true)
    };
    let flexible = |headers, limit, every, latency| {
        let options = json!({"points": limit, "duration": every, "headers": headers});
        let name = if headers { "" } else { " silent" };
        let name = format!("rate-limiter-flexible{name}");
        window(&name, "flexible.js", (limit, every), latency, options).hints(headers)
    };
    // It counts those of the last seconds, tells of a timer that starts again each time it runs out,
    // and refuses all for as long again once it has refused one.
    let nest = |limit, every, latency| {
        let options = json!({"limit": limit, "ttl": every * 1000});
        let name = "@nestjs/throttler";
        window(name, "nest.js", (limit, every), latency, options).hints(true)
    };
    vec![
        nest(30, 5, 50).beyond(TIMER),
        express("draft-6", 50, 2, 20),
        express("draft-7", 100, 5, 100),
        express("draft-7", 150, 10, 300),
        express("draft-8", 30, 1, 50),
        express("draft-8", 100, 5, 200),
        express("draft-8", 100, 5, 100).clients(2).beyond(TOLD),
        express("legacy", 60, 3, 50),
        express("legacy", 150, 10, 100),
        express("silent", 100, 5, 50),
        fastify(false, 50, 2, 20),
        fastify(false, 150, 10, 50),
        fastify(true, 100, 5, 100),
        koa(60, 3, 50),
        koa(150, 10, 100),
        hono(60, 3, 50),
        flexible(true, 60, 3, 50),
        flexible(true, 150, 10, 100),
        flexible(false, 150, 10, 100),
    ]
}

/// A bucket that tells how many whole seconds are left: none, as a rule.
fn tower() -> Vec<Scenario> {
    let run = |period, burst, latency| {
        let period = Duration::from_millis(period);
        let per_second = period.as_secs_f64().recip();
        Scenario::new(
            &format!("tower_governor {per_second}/1s burst={burst}"),
            Server::Tower { period, burst },
            latency,
            Allows::Bucket {
                first: burst,
                per_second,
            },
        )
    };
    vec![run(50, 10, 100).beyond(ROUNDED)]
}
