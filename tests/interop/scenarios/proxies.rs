//! What stands in front of an API: Envoy, Varnish and Traefik.

use serde_json::json;

use super::{BURSTS, CLIMB};
use crate::scenario::{Allows, Scenario};
use crate::servers::Server;

/// Why some rows are out of bounds.
const NOW: &str = "its reset is always 0, so what is refused may come at once";
const WHOLE: &str = "counts whole tokens, and forgets the rest of one with each request";
const FIVE: &str = "five seconds are told for the twentieth of one";

pub(super) fn all() -> Vec<Scenario> {
    [envoy(), varnish(), traefik()].concat()
}

/// A bucket, which drips whatever the interval of its fills is, and a limit of requests in flight.
fn envoy() -> Vec<Scenario> {
    let bucket = |name: &str, headers: bool, per_second: usize, latency| {
        let options = json!({
            "token_bucket": {
                "max_tokens": per_second,
                "tokens_per_fill": per_second,
                "fill_interval": "1s",
            },
            "enable_x_ratelimit_headers": if headers { "DRAFT_VERSION_03" } else { "OFF" },
        });
        Scenario::new(
            &format!("Envoy local_ratelimit {name}{per_second}/1s"),
            Server::Envoy {
                limit: Some(options),
                breaker: None,
            },
            latency,
            Allows::Bucket {
                first: per_second,
                per_second: per_second as f64,
            },
        )
        .hints(headers)
    };
    let breaker = |places, latency| {
        Scenario::new(
            &format!("Envoy max_requests {places} status 503"),
            Server::Envoy {
                limit: None,
                breaker: Some(json!({"max_requests": places})),
            },
            latency,
            Allows::AtOnce(places),
        )
    };
    vec![
        bucket("", false, 20, 50).beyond(BURSTS),
        bucket("draft-3 ", true, 20, 50).beyond(NOW),
        breaker(10, 200).beyond(CLIMB),
    ]
}

/// A bucket. What Varnish itself adds to an answer of its own is `Retry-After: 5`.
fn varnish() -> Vec<Scenario> {
    let run = |name: &str, synthetic: &str, limit, latency| {
        Scenario::new(
            &format!("Varnish vsthrottle {limit}/1s{name}"),
            Server::Varnish {
                receive: format!(
                    "if (vsthrottle.is_denied(client.identity, {limit}, 1s)) {{
                        return (synth(429));
                    }}"
                ),
                synthetic: synthetic.to_owned(),
            },
            latency,
            Allows::Bucket {
                first: limit,
                per_second: limit as f64,
            },
        )
    };
    vec![
        run("", "return (deliver);", 20, 50).beyond(WHOLE),
        run(" Retry-After: 5", "", 20, 50).beyond(FIVE),
    ]
}

/// An emulation: a bucket that tells in two ways when the next one may come.
fn traefik() -> Vec<Scenario> {
    let (average, burst) = (20, 10);
    vec![Scenario::new(
        &format!("Traefik rateLimit, emulated, {average}/1s burst={burst}"),
        Server::Script {
            name: "traefik.js",
            options: json!({"average": average, "burst": burst}),
        },
        50,
        Allows::Bucket {
            first: burst,
            per_second: f64::from(average),
        },
    )]
}
